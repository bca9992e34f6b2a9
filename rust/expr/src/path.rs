//! `JSONPath` in the Jayway dialect (S-8.13, S-8.14), compiled once and evaluated on text.
//!
//! The nodes of an evaluation are slices of the document: nothing is parsed into a tree, numbers keep their digits
//! and a result is a copy of bytes. Steps run one after the other over the list of nodes, so neither a long path
//! nor a deep document costs call depth; bytes looked at are charged to a budget.

mod compare;
mod filter;
mod function;
mod parse;
mod walk;

use std::borrow::Cow;

use fastcond_json::Raw;

use crate::error::ExprError;
use crate::scope::Scope;
pub(crate) use walk::Work;

use filter::Filter;
use function::Function;

/// A path that follows no grammar this dialect knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathError {
    /// Byte offset in the path where reading stopped.
    pub offset: usize,
}

impl std::fmt::Display for PathError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "malformed path at position {}", self.offset)
    }
}

impl std::error::Error for PathError {}

/// One step from a node to its descendants.
#[derive(Debug, Clone)]
enum Step {
    /// `.name`, `['name']`
    Key(String),
    /// `['a','b']`
    Keys(Vec<String>),
    /// `[3]`, `[-1]`
    Index(i64),
    /// `[0,2]`
    Indices(Vec<i64>),
    /// `[1:3]`, `[:2]`, `[-2:]`
    Slice(Option<i64>, Option<i64>),
    /// `*`
    Wildcard,
    /// `..`: the next step is applied to the node and everything below it.
    Scan,
    /// `[?(...)]`
    Filter(Filter),
    /// `.length()` and the like, always last.
    Function(Function),
}

/// A compiled path.
#[derive(Debug, Clone)]
pub struct Path {
    steps: Vec<Step>,
    definite: bool,
}

impl Path {
    /// Compiles a path; `$.` in front is optional.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        parse::Reader::new(text, 0).path()
    }

    /// Whether the path can match one place only. Other paths always give a list (S-8.14).
    pub fn is_definite(&self) -> bool {
        self.definite
    }

    /// The name the path starts with, when it starts with one.
    pub fn first_segment(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Key(name)) => Some(name),
            _ => None,
        }
    }

    /// Evaluates on one document; what is missing is null, an indefinite path gives a list.
    pub fn evaluate(&self, document: &str) -> Result<Raw, ExprError> {
        let all = || document.to_owned();
        let work = Work::new(&all);
        let found = walk::run(&self.steps, document, &work)?;
        Ok(Raw::of_checked(self.or_missing(found).into_owned()))
    }

    /// Evaluates in a scope: the first two names select a stored text, the rest is read lazily inside it.
    pub(crate) fn look_up<'s>(
        &self,
        scope: &'s dyn Scope,
        work: &Work<'_>,
    ) -> Result<Cow<'s, str>, ExprError> {
        let (text, rest) = match &self.steps[..] {
            [Step::Key(root), Step::Key(field), rest @ ..] => (scope.field(root, field), rest),
            [Step::Key(root), rest @ ..] => (scope.root(root), rest),
            all => (Some(Cow::Owned(scope.all())), all),
        };
        let found = match text {
            None => None,
            Some(text) if rest.is_empty() => Some(text),
            Some(Cow::Borrowed(text)) => walk::run(rest, text, work)?,
            Some(Cow::Owned(text)) => {
                walk::run(rest, &text, work)?.map(|found| Cow::Owned(found.into_owned()))
            }
        };
        Ok(self.or_missing(found))
    }

    fn or_missing<'a>(&self, found: Option<Cow<'a, str>>) -> Cow<'a, str> {
        found.unwrap_or(Cow::Borrowed(if self.definite { "null" } else { "[]" }))
    }
}

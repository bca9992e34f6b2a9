//! What stands inside `${...}`, in the order of look-up (S-8.7).

use std::borrow::Cow;

use super::string::Pattern;
use crate::error::ExprError;
use crate::path::{Path, Work};
use crate::scope::Scope;

const SECRETS: &str = "workflow.secrets.";
const ENVIRONMENT: &str = "workflow.env.";
const TASK_ID: &str = "CPEWF_TASK_ID";
const FIXED_NAMES: [&str; 2] = ["NETFLIX_ENV", "NETFLIX_STACK"];

/// A compiled reference.
#[derive(Debug, Clone)]
pub(super) enum Reference {
    /// Nothing but spaces: the empty string.
    Blank,
    /// A secret: left as it is until the task is handed off (S-8.20).
    Secret(String),
    /// `workflow.env.NAME`
    Environment(String),
    /// The id of the task being mapped.
    TaskId,
    /// A fixed environment name; left as it is when it has no value.
    FixedName(&'static str),
    /// A path into the context.
    Path(Path),
    /// No path: null, as Conductor logs and goes on (S-8.13).
    Malformed,
    /// References inside, to be resolved first (S-8.6).
    Nested(Pattern),
    /// Nested past the cap.
    TooDeep,
}

/// What a reference stands for: a JSON value, or text that is a string wherever it goes.
pub(super) enum Target<'a> {
    Json(Cow<'a, str>),
    Text(Cow<'a, str>),
}

impl Reference {
    /// Classifies text without references in it.
    pub(super) fn of(text: &str) -> Self {
        if text.trim_ascii().is_empty() {
            return Self::Blank;
        }
        if text.starts_with(SECRETS) {
            return Self::Secret(text.to_owned());
        }
        if let Some(name) = text.strip_prefix(ENVIRONMENT) {
            return Self::Environment(name.to_owned());
        }
        if text == TASK_ID {
            return Self::TaskId;
        }
        if let Some(name) = FIXED_NAMES.into_iter().find(|name| *name == text) {
            return Self::FixedName(name);
        }
        Path::parse(text).map_or(Self::Malformed, Self::Path)
    }

    /// Resolves in a scope. Recursion is bounded by how patterns are compiled.
    pub(super) fn target<'s>(
        &'s self,
        scope: &'s dyn Scope,
        work: &Work<'_>,
    ) -> Result<Target<'s>, ExprError> {
        Ok(match self {
            Self::Blank => Target::Text(Cow::Borrowed("")),
            Self::Secret(text) => left_in_place(text),
            Self::Environment(name) => scope
                .env(name)
                .map_or(Target::Json(Cow::Borrowed("null")), |value| Target::Text(Cow::Owned(value))),
            Self::TaskId => {
                scope.task_id().map_or_else(|| left_in_place(TASK_ID), |id| Target::Text(Cow::Owned(id)))
            }
            Self::FixedName(name) => {
                scope.env(name).map_or_else(|| left_in_place(name), |value| Target::Text(Cow::Owned(value)))
            }
            Self::Path(path) => Target::Json(path.look_up(scope, work)?),
            Self::Malformed => Target::Json(Cow::Borrowed("null")),
            Self::Nested(pattern) => {
                let text = pattern.render(scope, work)?;
                match Self::of(&text).target(scope, work)? {
                    Target::Json(json) => Target::Json(Cow::Owned(json.into_owned())),
                    Target::Text(text) => Target::Text(Cow::Owned(text.into_owned())),
                }
            }
            Self::TooDeep => return Err(ExprError::SubstitutionTooDeep),
        })
    }

    /// The name the reference starts with and whether it compiles; none when there is nothing to check.
    pub(super) fn judged<'a>(&'a self, source: &'a str) -> Option<(Option<&'a str>, bool)> {
        match self {
            Self::Blank | Self::TaskId | Self::FixedName(_) => None,
            Self::Secret(_) | Self::Environment(_) => Some((Some("workflow"), true)),
            Self::Path(path) => Some((path.first_segment(), true)),
            Self::Malformed | Self::TooDeep => Some((leading_name(source), false)),
            Self::Nested(_) => Some((leading_name(source), true)),
        }
    }
}

/// The name in front of the first dot or bracket, when it stands there as it is.
fn leading_name(source: &str) -> Option<&str> {
    let source = source.strip_prefix("$.").unwrap_or(source);
    let end = source.find(['.', '[', '$'])?;
    (end > 0 && !source[end..].starts_with('$')).then(|| &source[..end])
}

fn left_in_place<'a>(text: &str) -> Target<'a> {
    Target::Text(Cow::Owned(format!("${{{text}}}")))
}

//! Parameters of a call: texts by name, read as Spring would read them (rest-api 1).

use crate::reply::Failure;
use fastcond_model::WorkflowId;
use std::borrow::Cow;

/// Parameters of a call.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(Cow<'static, str>, String)>);

impl<K: Into<Cow<'static, str>>, V: Into<String>> FromIterator<(K, V)> for Params {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl Params {
    /// These and more.
    #[must_use]
    pub fn with(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// The text of a parameter that was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that was given and is not empty.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|text| !text.is_empty())
    }

    /// A parameter that must be given.
    pub fn need(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| {
            Failure::bad_request(format!("Required request parameter '{name}' is not present"))
        })
    }

    /// A boolean: true/false/on/off/yes/no/1/0.
    pub fn flag(&self, name: &str, absent: bool) -> Result<bool, Failure> {
        let Some(text) = self.given(name) else { return Ok(absent) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Ok(true),
            "false" | "off" | "no" | "0" => Ok(false),
            _ => Err(unreadable(name, text, "boolean")),
        }
    }

    /// An integer.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let Some(text) = self.given(name) else { return Ok(None) };
        text.trim().parse().map(Some).map_err(|_| unreadable(name, text, "number"))
    }

    /// The execution named in the path; text that is no id names none.
    pub fn workflow(&self) -> Result<WorkflowId, Failure> {
        let text = self.need("workflowId")?;
        WorkflowId::parse(text)
            .ok_or_else(|| Failure::not_found(format!("No such workflow found by id: {text}")))
    }
}

fn unreadable(name: &str, text: &str, kind: &str) -> Failure {
    Failure::bad_request(format!("Parameter '{name}' has value '{text}', which is not a {kind}"))
}

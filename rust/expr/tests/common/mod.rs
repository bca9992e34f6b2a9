//! A scope made from one JSON object; shared by the tests of paths and templates.

use std::borrow::Cow;

use fastcond_expr::Scope;
use fastcond_json::get;

/// Holds the whole context as text: `{"workflow": {...}, "t1": {...}}`.
pub struct Context(pub String);

impl Scope for Context {
    fn field(&self, root: &str, field: &str) -> Option<Cow<'_, str>> {
        get(get(&self.0, root)?, field).map(Cow::Borrowed)
    }

    fn root(&self, root: &str) -> Option<Cow<'_, str>> {
        get(&self.0, root).map(Cow::Borrowed)
    }

    fn all(&self) -> String {
        self.0.clone()
    }

    fn env(&self, name: &str) -> Option<String> {
        (name == "REGION").then(|| "eu\"1".to_owned())
    }

    fn task_id(&self) -> Option<String> {
        Some("id-1".to_owned())
    }
}

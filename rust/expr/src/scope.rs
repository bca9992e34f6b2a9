//! What a template may look at.

use std::borrow::Cow;

/// The values behind references, as JSON text; implemented by whoever holds an execution (S-8.11).
///
/// Every text must be checked JSON. `None` means unknown, which resolves to null. Text that exists is lent, so that
/// a whole reference costs one copy of the bytes; text that must be composed may be given away.
pub trait Scope {
    /// One field of `workflow` or of a task: `${root.field}` and everything below it.
    fn field(&self, root: &str, field: &str) -> Option<Cow<'_, str>>;

    /// The whole object of one root: `${root}`.
    fn root(&self, root: &str) -> Option<Cow<'_, str>>;

    /// The whole context: an object with `workflow` and every task, for paths that do not start with a name.
    fn all(&self) -> String;

    /// The environment entry behind `workflow.env.NAME`, and the fixed names `NETFLIX_ENV` and `NETFLIX_STACK`.
    ///
    /// The implementation decides which names may be read (S-8.8).
    fn env(&self, name: &str) -> Option<String>;

    /// The id of the task being mapped, if one is (S-8.7, S-8.16).
    fn task_id(&self) -> Option<String>;
}

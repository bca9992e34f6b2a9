//! What a queue is called: structured keys, the name people see, and the short id hot calls use.

use std::fmt;
use std::sync::Arc;

/// The four parts that tell one queue from another, kept apart.
///
/// Parsing them back out of the printed name would take a task type that contains `-` or `:` for something
/// else, so the printed form is for people only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueKey {
    /// The task type; for worker tasks that is the task's name.
    pub task_type: Arc<str>,
    /// The domain chosen when the task was scheduled.
    pub domain: Option<Arc<str>>,
    /// The execution name space of the task's definition.
    pub namespace: Option<Arc<str>>,
    /// The isolation group of the task's definition.
    pub isolation: Option<Arc<str>>,
}

/// A borrowed [`QueueKey`], for look-ups that allocate nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueRef<'a> {
    /// The task type.
    pub task_type: &'a str,
    /// The domain.
    pub domain: Option<&'a str>,
    /// The execution name space.
    pub namespace: Option<&'a str>,
    /// The isolation group.
    pub isolation: Option<&'a str>,
}

/// The short name of a queue that [`crate::ReadyQueues`] knows.
///
/// It stays valid until `trim` forgets the queue. A stale id then names an empty queue for ever, never
/// another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl QueueKey {
    /// Makes the key of a plain worker queue, as polls address it.
    pub fn worker(task_type: &str, domain: Option<&str>) -> Self {
        QueueRef { task_type, domain, namespace: None, isolation: None }.to_key()
    }

    /// Borrows every part.
    pub fn by_ref(&self) -> QueueRef<'_> {
        QueueRef {
            task_type: &self.task_type,
            domain: self.domain.as_deref(),
            namespace: self.namespace.as_deref(),
            isolation: self.isolation.as_deref(),
        }
    }
}

impl<'a> QueueRef<'a> {
    /// Names a plain worker queue, as polls address it.
    pub fn worker(task_type: &'a str, domain: Option<&'a str>) -> Self {
        Self { task_type, domain, namespace: None, isolation: None }
    }

    /// Copies every part into a key that can be kept.
    pub fn to_key(self) -> QueueKey {
        QueueKey {
            task_type: self.task_type.into(),
            domain: self.domain.map(Into::into),
            namespace: self.namespace.map(Into::into),
            isolation: self.isolation.map(Into::into),
        }
    }
}

/// Writes `[<domain>:]<taskType>[@<namespace>][-<isolation>]`, the name people see (S-50.1).
impl fmt::Display for QueueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(domain) = self.domain {
            write!(f, "{domain}:")?;
        }
        f.write_str(self.task_type)?;
        if let Some(namespace) = self.namespace {
            write!(f, "@{namespace}")?;
        }
        if let Some(isolation) = self.isolation {
            write!(f, "-{isolation}")?;
        }
        Ok(())
    }
}

impl fmt::Display for QueueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.by_ref().fmt(f)
    }
}

/// Lets a hashed map keyed by [`QueueKey`] be asked with a [`QueueRef`]: both hash their parts in the same order.
impl hashbrown::Equivalent<QueueKey> for QueueRef<'_> {
    fn equivalent(&self, key: &QueueKey) -> bool {
        *self == key.by_ref()
    }
}

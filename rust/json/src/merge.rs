//! Merging objects as text, one level deep.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::read::{Key, members};

/// Objects up to this size are searched member by member; larger ones get an index.
const LINEAR_MEMBERS_MAX: usize = 16;

/// The members of an object, findable by key.
struct Lookup<'a> {
    members: Vec<(Key<'a>, &'a str)>,
    by_key: Option<BTreeMap<Cow<'a, str>, usize>>,
}

impl<'a> Lookup<'a> {
    fn of(text: &'a str) -> Self {
        let members: Vec<_> = members(text).collect();
        let by_key = (members.len() > LINEAR_MEMBERS_MAX)
            .then(|| members.iter().enumerate().map(|(i, (key, _))| (key.decoded(), i)).collect());
        Self { members, by_key }
    }

    fn find(&self, key: Key<'_>) -> Option<&'a str> {
        let name = key.decoded();
        let index = match &self.by_key {
            Some(index) => index.get(&name).copied()?,
            None => self.members.iter().position(|(other, _)| other.is(&name))?,
        };
        Some(self.members[index].1)
    }
}

/// Merges two objects: keys of `over` win, keys keep the place of their first appearance.
///
/// One level deep; a text that is no object counts as an empty one.
pub fn merged(base: &str, over: &str) -> String {
    let (below, above) = (Lookup::of(base), Lookup::of(over));
    let replaced = below.members.iter().map(|&(key, value)| (key, above.find(key).unwrap_or(value)));
    let added = above.members.iter().copied().filter(|(key, _)| below.find(*key).is_none());
    object_of(replaced.chain(added), base.len() + over.len())
}

/// Fills an object from a template: keys that are absent or null in `base` come from `template` (S-3.3, S-8.17).
pub fn with_defaults(base: &str, template: &str) -> String {
    let (given, defaults) = (Lookup::of(base), Lookup::of(template));
    let filled = given.members.iter().map(|&(key, value)| {
        let value = if value == "null" { defaults.find(key).unwrap_or(value) } else { value };
        (key, value)
    });
    let added = defaults.members.iter().copied().filter(|(key, _)| given.find(*key).is_none());
    object_of(filled.chain(added), base.len() + template.len())
}

fn object_of<'a>(members: impl Iterator<Item = (Key<'a>, &'a str)>, capacity: usize) -> String {
    let mut out = String::with_capacity(capacity);
    out.push('{');
    for (i, (key, value)) in members.enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(key.quoted());
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
    out
}

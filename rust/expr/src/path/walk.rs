//! Evaluating steps over nodes.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use fastcond_json::{ArrayWriter, Kind, ObjectWriter, elements, get, kind, members};

use super::Step;
use crate::error::ExprError;
use crate::{OUTPUT_BYTES_MAX, WORK_BYTES_MAX};

/// What a node costs besides its bytes: finding its ends, keeping it, comparing it.
const NODE_COST: usize = 64;

/// The budget of one resolution and the document its `$` paths refer to.
pub(crate) struct Work<'w> {
    bytes_left: Cell<usize>,
    all: &'w dyn Fn() -> String,
    document: OnceCell<String>,
}

impl<'w> Work<'w> {
    /// Starts with the full budget; `all` gives the document, and is asked once at most.
    pub(crate) fn new(all: &'w dyn Fn() -> String) -> Self {
        Self { bytes_left: Cell::new(WORK_BYTES_MAX), all, document: OnceCell::new() }
    }

    /// Takes the cost of reading `bytes` from the budget.
    pub(super) fn charge(&self, bytes: usize) -> Result<(), ExprError> {
        let left = self.bytes_left.get().checked_sub(bytes + NODE_COST).ok_or(ExprError::TooMuchWork)?;
        self.bytes_left.set(left);
        Ok(())
    }

    pub(super) fn document(&self) -> &str {
        self.document.get_or_init(self.all)
    }
}

/// Runs steps from one node. None when a definite path finds nothing; an indefinite path gives a list.
pub(super) fn run<'t>(
    steps: &[Step],
    node: &'t str,
    work: &Work<'_>,
) -> Result<Option<Cow<'t, str>>, ExprError> {
    let mut node = node;
    for (i, step) in steps.iter().enumerate() {
        let found = match step {
            Step::Key(name) => get(node, name),
            Step::Index(index) => element(node, *index, work)?,
            Step::Function(function) => {
                work.charge(node.len())?;
                return Ok(function.apply(node));
            }
            Step::Keys(names) if i + 1 == steps.len() => return chosen(node, names, work),
            _ => return branches(&steps[i..], node, work).map(|list| Some(Cow::Owned(list))),
        };
        // What lies before the value was read to find it.
        work.charge(found.map_or(node.len(), |found| found.as_ptr() as usize - node.as_ptr() as usize))?;
        match found {
            Some(found) => node = found,
            // Nothing found stays nothing when the rest is definite, and is an empty list otherwise (S-8.14).
            None if steps[i..].iter().all(is_definite) => return Ok(None),
            None => return Ok(Some(Cow::Borrowed("[]"))),
        }
    }
    Ok(Some(Cow::Borrowed(node)))
}

fn is_definite(step: &Step) -> bool {
    matches!(step, Step::Key(_) | Step::Keys(_) | Step::Index(_) | Step::Function(_))
}

/// Runs steps of which the first branches; gives the list of what they reach, in document order.
fn branches(steps: &[Step], node: &str, work: &Work<'_>) -> Result<String, ExprError> {
    if let [Step::Scan, middle @ .., Step::Function(function)] = steps
        && !middle.is_empty()
    {
        // A deep scan with a function behind it aggregates what the scan finds.
        let list = branches(&steps[..steps.len() - 1], node, work)?;
        return Ok(function.apply(&list).map_or_else(|| "[]".to_owned(), Cow::into_owned));
    }
    let mut nodes = vec![node];
    let mut rest = steps;
    while let [step, after @ ..] = rest {
        let mut reached = Vec::new();
        rest = after;
        match step {
            Step::Scan => {
                let [next, after @ ..] = after else { return Ok("[]".to_owned()) };
                rest = after;
                if let (Step::Keys(names), true) = (next, after.is_empty()) {
                    return scan_choosing(&nodes, names, work);
                }
                for node in nodes {
                    scan(node, work, |below| visit_scanned(next, below, &mut reached, work))?;
                }
            }
            Step::Keys(names) if after.is_empty() => {
                let chosen: Vec<_> =
                    nodes.iter().map(|node| chosen(node, names, work)).collect::<Result<_, _>>()?;
                return list_of(chosen.iter().flatten().map(|text| &**text));
            }
            Step::Function(function) => {
                let applied: Option<Vec<_>> = nodes.iter().map(|node| function.apply(node)).collect();
                return list_of(applied.iter().flatten().map(|text| &**text));
            }
            step => {
                for node in nodes {
                    visit(step, node, &mut reached, work)?;
                }
            }
        }
        nodes = reached;
    }
    list_of(nodes.into_iter())
}

fn list_of<'t>(nodes: impl Iterator<Item = &'t str>) -> Result<String, ExprError> {
    let mut out = String::new();
    let mut list = ArrayWriter::begin(&mut out);
    for node in nodes {
        let so_far = list.element();
        if so_far.len() + node.len() > OUTPUT_BYTES_MAX {
            return Err(ExprError::OutputTooLarge);
        }
        so_far.push_str(node);
    }
    list.end();
    Ok(out)
}

/// Applies one step to one node.
fn visit<'t>(
    step: &Step,
    node: &'t str,
    reached: &mut Vec<&'t str>,
    work: &Work<'_>,
) -> Result<(), ExprError> {
    work.charge(node.len())?;
    match step {
        Step::Key(name) => reached.extend(get(node, name)),
        Step::Keys(names) => reached.extend(names.iter().filter_map(|name| get(node, name))),
        Step::Index(index) => reached.extend(element(node, *index, work)?),
        Step::Indices(indices) => {
            let all: Vec<_> = elements(node).collect();
            reached.extend(indices.iter().filter_map(|&index| position(index, all.len()).map(|at| all[at])));
        }
        Step::Slice(from, to) => {
            let all: Vec<_> = elements(node).collect();
            let from = from.map_or(0, |bound| clamped(bound, all.len()));
            let to = to.map_or(all.len(), |bound| clamped(bound, all.len()));
            reached.extend(all.get(from..to).unwrap_or_default());
        }
        Step::Wildcard => children(node, reached),
        Step::Filter(filter) if kind(node) == Kind::Array => {
            for element in elements(node) {
                if filter.accepts(element, work)? {
                    reached.push(element);
                }
            }
        }
        Step::Filter(filter) => {
            if kind(node) == Kind::Object && filter.accepts(node, work)? {
                reached.push(node);
            }
        }
        Step::Scan | Step::Function(_) => {}
    }
    Ok(())
}

/// Applies the step behind a deep scan to one container: a filter tests the container itself.
fn visit_scanned<'t>(
    step: &Step,
    node: &'t str,
    reached: &mut Vec<&'t str>,
    work: &Work<'_>,
) -> Result<(), ExprError> {
    match step {
        Step::Filter(filter) => {
            if filter.accepts(node, work)? {
                reached.push(node);
            }
            Ok(())
        }
        step => visit(step, node, reached, work),
    }
}

/// Calls `each` for the node and every container below it, parents first, in document order.
fn scan<'t>(
    node: &'t str,
    work: &Work<'_>,
    mut each: impl FnMut(&'t str) -> Result<(), ExprError>,
) -> Result<(), ExprError> {
    let mut open = vec![node];
    let mut below = Vec::new();
    while let Some(node) = open.pop() {
        if !matches!(kind(node), Kind::Array | Kind::Object) {
            continue;
        }
        work.charge(node.len())?;
        each(node)?;
        children(node, &mut below);
        open.extend(below.drain(..).rev());
    }
    Ok(())
}

/// `..['a','b']` at the end: of every object that has all the names, those members.
fn scan_choosing(nodes: &[&str], names: &[String], work: &Work<'_>) -> Result<String, ExprError> {
    let mut found = Vec::new();
    for node in nodes {
        scan(node, work, |below| {
            if names.iter().all(|name| get(below, name).is_some()) {
                found.extend(chosen(below, names, work)?);
            }
            Ok(())
        })?;
    }
    list_of(found.iter().map(|text| &**text))
}

/// The members of an object with the given names, as an object; none when the node is no object.
fn chosen<'t>(node: &str, names: &[String], work: &Work<'_>) -> Result<Option<Cow<'t, str>>, ExprError> {
    if kind(node) != Kind::Object {
        return Ok(None);
    }
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for (i, name) in names.iter().enumerate() {
        work.charge(node.len())?;
        if let Some(value) = get(node, name)
            && !names[..i].contains(name)
        {
            object.entry(name, value);
        }
    }
    object.end();
    Ok(Some(Cow::Owned(out)))
}

fn children<'t>(node: &'t str, reached: &mut Vec<&'t str>) {
    match kind(node) {
        Kind::Array => reached.extend(elements(node)),
        Kind::Object => reached.extend(members(node).map(|(_, value)| value)),
        _ => {}
    }
}

fn element<'t>(node: &'t str, index: i64, work: &Work<'_>) -> Result<Option<&'t str>, ExprError> {
    if let Ok(index) = usize::try_from(index) {
        return Ok(elements(node).nth(index));
    }
    work.charge(node.len())?;
    let all: Vec<_> = elements(node).collect();
    Ok(position(index, all.len()).map(|at| all[at]))
}

/// The place an index means in a list; negative ones count from the end.
fn position(index: i64, length: usize) -> Option<usize> {
    let at = if index < 0 { index.checked_add_unsigned(length as u64)? } else { index };
    usize::try_from(at).ok().filter(|&at| at < length)
}

/// A bound of a slice, brought into the list.
fn clamped(bound: i64, length: usize) -> usize {
    let at = if bound < 0 { bound.saturating_add_unsigned(length as u64) } else { bound };
    usize::try_from(at).unwrap_or(0).min(length)
}

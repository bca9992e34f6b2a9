//! Which requests are hot: recognised from method and path, before anything is parsed.

use crate::calls::{Params, Verb, verb};
use fastcond_wire::{Method, Query, Request, segments};
use std::sync::LazyLock;

/// A call of a hot route.
#[derive(Debug)]
pub struct Hot {
    /// What to do.
    pub verb: Verb,
    /// Its parameters.
    pub params: Params,
    /// Whether it starts something new, so that an overloaded server may refuse it.
    pub is_start: bool,
}

struct Verbs {
    start: Verb,
    poll: Verb,
    poll_batch: Verb,
    update: Verb,
    update_v2: Verb,
    status: Verb,
}

static VERBS: LazyLock<Verbs> = LazyLock::new(|| {
    let of = |name| verb(name).expect("hot verbs exist");
    Verbs {
        start: of("workflow.start"),
        poll: of("tasks.poll"),
        poll_batch: of("tasks.poll_batch"),
        update: of("tasks.update"),
        update_v2: of("tasks.update_v2"),
        status: of("workflow.status"),
    }
});

/// The call of a hot request; none for everything that needs a closer look.
pub fn recognise(request: &Request) -> Option<Hot> {
    let path = request.path().strip_prefix("/api/")?;
    match request.method {
        Method::Post => {
            let verbs = &*VERBS;
            let (verb, is_start) = match path {
                "workflow" => (verbs.start, true),
                "tasks" => (verbs.update, false),
                "tasks/update-v2" => (verbs.update_v2, false),
                _ => return None,
            };
            has_json(request).then(|| Hot { verb, params: Params::default(), is_start })
        }
        Method::Get => hot_get(request, path),
        _ => None,
    }
}

fn has_json(request: &Request) -> bool {
    request.header("content-type").is_some_and(|value| {
        let media = value.split(|b| *b == b';').next().unwrap_or_default();
        media.trim_ascii().eq_ignore_ascii_case(b"application/json")
    }) && request.header("content-encoding").is_none()
}

fn hot_get(request: &Request, path: &str) -> Option<Hot> {
    let (verb, name, kept): (Verb, &'static str, &'static [&'static str]) =
        if let Some(rest) = path.strip_prefix("tasks/poll/") {
            if rest.starts_with("batch/") {
                (VERBS.poll_batch, "tasktype", &["workerid", "domain", "count", "timeout"])
            } else {
                (VERBS.poll, "tasktype", &["workerid", "domain"])
            }
        } else if path.starts_with("workflow/") && path.ends_with("/status") {
            (VERBS.status, "workflowId", &["includeOutput", "includeVariables"])
        } else {
            return None;
        };
    let parts = segments(request.path()).ok()?;
    let subject = match parts.as_slice() {
        [_, _, _, subject] if name == "tasktype" => subject,
        [_, _, batch, _, subject] if name == "tasktype" => {
            let _ = batch;
            subject
        }
        [_, _, subject, _] => subject,
        _ => return None,
    };
    if subject.is_empty() {
        return None;
    }
    let query = Query::parse(request.query()).ok()?;
    let pairs = std::iter::once((name, subject.to_string()));
    let given = kept.iter().filter_map(|key| query.joined(key).map(|value| (*key, value.into_owned())));
    Some(Hot { verb, params: pairs.chain(given).collect(), is_start: false })
}

//! Which requests are hot: recognised from method and path, before anything is parsed.

use crate::calls::{BULK_STARTS_MAX, Params, Verb, verb};
use fastcond_wire::{Method, Query, Request, segments};
use std::sync::LazyLock;

/// A call of a hot route.
#[derive(Debug)]
pub struct Hot {
    /// What to do.
    pub verb: Verb,
    /// Its parameters.
    pub params: Params,
    /// How many executions it starts at most: an overloaded server may refuse what starts any.
    pub starts: usize,
}

struct Verbs {
    start: Verb,
    start_many: Verb,
    poll: Verb,
    poll_batch: Verb,
    poll_any: Verb,
    update: Verb,
    update_v2: Verb,
    status: Verb,
    execute: Verb,
    signal_sync: Verb,
}

static VERBS: LazyLock<Verbs> = LazyLock::new(|| {
    let of = |name| verb(name).expect("hot verbs exist");
    Verbs {
        start: of("workflow.start"),
        start_many: of("bulk.start"),
        poll: of("tasks.poll"),
        poll_batch: of("tasks.poll_batch"),
        poll_any: of("tasks.poll_any"),
        update: of("tasks.update"),
        update_v2: of("tasks.update_v2"),
        status: of("workflow.status"),
        execute: of("workflow.execute"),
        signal_sync: of("tasks.signal_sync"),
    }
});

/// Names under which JSON comes.
const JSON: &[&[u8]] = &[b"application/json"];
/// Names under which JSON texts, one per line, come: nothing registered, several in use.
const NDJSON: &[&[u8]] =
    &[b"application/x-ndjson", b"application/ndjson", b"application/jsonl", b"application/json"];

/// The call of a hot request; none for everything that needs a closer look.
pub fn recognise(request: &Request) -> Option<Hot> {
    let path = request.path().strip_prefix("/api/")?;
    match request.method {
        Method::Post => {
            let verbs = &*VERBS;
            let (verb, starts, media) = match path {
                "workflow" => (verbs.start, 1, JSON),
                "tasks" => (verbs.update, 0, JSON),
                "tasks/update-v2" => (verbs.update_v2, 0, JSON),
                "workflow/bulk/start" => (verbs.start_many, lines(&request.body), NDJSON),
                _ => return hot_wait(request),
            };
            comes_as(request, media).then(|| Hot { verb, params: Params::default(), starts })
        }
        Method::Get => hot_get(request, path),
        _ => None,
    }
}

/// Requests that may wait long, which cold ones must not.
fn hot_wait(request: &Request) -> Option<Hot> {
    const EXECUTE: [&str; 4] = ["requestId", "waitUntilTaskRef", "waitForSeconds", "returnStrategy"];
    if !comes_as(request, JSON) {
        return None;
    }
    let parts = segments(request.path()).ok()?;
    let words: Vec<&str> = parts.iter().map(|part| &**part).collect();
    let (verb, subjects, kept, starts) = match *words {
        ["api", "workflow", "execute", name, version] => {
            (VERBS.execute, [("name", name), ("version", version)], EXECUTE.as_slice(), 1)
        }
        ["api", "tasks", id, status, "signal", "sync"] => {
            let kept = ["returnStrategy", "timeoutMillis"].as_slice();
            (VERBS.signal_sync, [("workflowId", id), ("status", status)], kept, 0)
        }
        _ => return None,
    };
    let hot = asked(request, verb, None, kept.iter().copied())?;
    let named: Params = subjects.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
    subjects.iter().all(|(_, text)| !text.is_empty()).then(|| Hot {
        params: named.with(hot.params),
        starts,
        ..hot
    })
}

/// Lines of a body, as far as they count: a request with more of them starts nothing.
fn lines(body: &[u8]) -> usize {
    let ends = memchr::memchr_iter(b'\n', body).take(BULK_STARTS_MAX).count();
    (ends + 1).min(BULK_STARTS_MAX)
}

fn comes_as(request: &Request, media: &[&[u8]]) -> bool {
    request.header("content-type").is_some_and(|value| {
        let given = value.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        media.iter().any(|known| given.eq_ignore_ascii_case(known))
    }) && request.header("content-encoding").is_none()
}

fn hot_get(request: &Request, path: &str) -> Option<Hot> {
    const BATCH: [&str; 4] = ["workerid", "domain", "count", "timeout"];
    if path == "tasks/poll/any/batch" {
        let kept = ["types"].into_iter().chain(BATCH);
        return asked(request, VERBS.poll_any, None, kept);
    }
    let parts = segments(request.path()).ok()?;
    let mut words = [""; 5];
    for (word, part) in words.iter_mut().zip(&parts) {
        *word = part;
    }
    match *words.get(1..parts.len())? {
        ["tasks", "poll", task_type] => {
            asked(request, VERBS.poll, Some(("tasktype", task_type)), ["workerid", "domain"])
        }
        ["tasks", "poll", "batch", task_type] => {
            asked(request, VERBS.poll_batch, Some(("tasktype", task_type)), BATCH)
        }
        ["workflow", id, "status"] => {
            let kept = ["includeOutput", "includeVariables"];
            asked(request, VERBS.status, Some(("workflowId", id)), kept)
        }
        _ => None,
    }
}

/// A call with the subject of its path, which must not be empty, and the parameters of its query that it reads.
fn asked(
    request: &Request,
    verb: Verb,
    subject: Option<(&'static str, &str)>,
    kept: impl IntoIterator<Item = &'static str>,
) -> Option<Hot> {
    if subject.is_some_and(|(_, text)| text.is_empty()) {
        return None;
    }
    let query = Query::parse(request.query()).ok()?;
    let subject = subject.into_iter().map(|(name, text)| (name, text.to_owned()));
    let given = kept.into_iter().filter_map(|key| query.joined(key).map(|value| (key, value.into_owned())));
    Some(Hot { verb, params: subject.chain(given).collect(), starts: 0 })
}

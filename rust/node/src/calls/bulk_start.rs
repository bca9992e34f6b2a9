//! `POST /api/workflow/bulk/start`: many executions with one request, an addition to Conductor's API.
//!
//! One start request per line, one answer per line, in the same order. A line that cannot be started says so on its
//! own line and spoils no other. Everything that was started lies in one run of journal records, so that the answer
//! costs one sync and says of every execution at once that it is durable.

use super::{Params, bodies, workflow};
use crate::machine::Machine;
use crate::reply::{Failure, Reply};
use fastcond_json::ObjectWriter;

/// Requests in one body, as many as ids in the other bulk calls: about ten milliseconds of the engine.
pub const LINES_MAX: usize = 1_000;

/// Bytes of the line that names a started execution.
const ANSWER_BYTES: usize = 56;

/// Starts every line of the body.
pub fn start(machine: &mut Machine, _: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let given = requests(body).count();
    if given == 0 {
        return Err(Failure::bad_request("the body has no line with a start request"));
    }
    if given > LINES_MAX {
        return Err(Failure::bad_request(format!(
            "Cannot start more than {LINES_MAX} workflows with one request, this one has {given}. Please use multiple requests."
        )));
    }
    let mut out = String::with_capacity(given * ANSWER_BYTES);
    for line in requests(body) {
        let started = bodies::start_request(line).and_then(|request| workflow::begin(machine, request));
        // What could not be read was not found; the next line is another matter.
        let fault = machine.take_read_fault();
        let mut answer = ObjectWriter::begin(&mut out);
        match started {
            Ok(id) => {
                answer.str("workflowId", &id.to_string());
            }
            Err(failure) => {
                let failure = fault.map_or(failure, |fault| Failure::unreadable(&fault));
                failure.write(answer.object("error"), &machine.options.instance);
            }
        }
        answer.end();
        out.push('\n');
    }
    machine.serve_waiting();
    Ok(Reply::ndjson(out))
}

/// The lines that have something in them.
fn requests(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(body);
    let lines = std::iter::from_fn(move || {
        let bytes = rest?;
        let Some(end) = memchr::memchr(b'\n', bytes) else { return rest.take() };
        rest = Some(&bytes[end + 1..]);
        Some(&bytes[..end])
    });
    lines.filter(|line| !line.trim_ascii().is_empty())
}

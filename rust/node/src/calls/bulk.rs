//! `/api/workflow/bulk`: the same operation on many executions, each on its own (rest-api 4).

use super::Verb::Act;
use super::workflow::{operate, remove_one, restart_one, termination};
use super::{Params, Verb, bulk_start, typed};
use crate::machine::Machine;
use crate::reply::{Failure, Reply};
use fastcond_engine::Command;
use fastcond_engine::validate::Violation;
use fastcond_engine::view::workflow::{self as view, Include};
use fastcond_json::{ArrayWriter, ObjectWriter, Raw};
use fastcond_model::WorkflowId;

/// Ids of one request.
const IDS_MAX: usize = 1_000;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("bulk.start", Act(bulk_start::start)),
    ("bulk.pause", Act(|m, _, body| each(m, body, "pauseWorkflow", |m, id| operate(m, id, Command::Pause)))),
    (
        "bulk.resume",
        Act(|m, _, body| each(m, body, "resumeWorkflow", |m, id| operate(m, id, Command::Resume))),
    ),
    ("bulk.restart", Act(restart)),
    ("bulk.retry", Act(retry)),
    ("bulk.search", Act(search)),
    ("bulk.terminate", Act(terminate)),
    ("bulk.remove", Act(remove)),
    ("bulk.terminate_remove", Act(terminate_remove)),
];

fn ids(body: &[u8], method: &str) -> Result<Vec<String>, Failure> {
    let ids: Vec<String> = typed(body)?;
    let message = match ids.len() {
        0 => "WorkflowIds list cannot be null.",
        1..=IDS_MAX => return Ok(ids),
        _ => "Cannot process more than 1000 workflows. Please use multiple requests.",
    };
    let violation = Violation { path: String::new(), message: message.to_owned(), invalid_value: None };
    Err(Failure::invalid(&format!("{method}.arg0"), vec![violation]))
}

fn one(
    machine: &mut Machine,
    id: &str,
    act: &dyn Fn(&mut Machine, WorkflowId) -> Result<Reply, Failure>,
) -> Result<(), String> {
    let Some(workflow) = WorkflowId::parse(id) else {
        return Err(format!("No such workflow found by id: {id}"));
    };
    let done = act(machine, workflow);
    // What could not be read was not found; the next id is another matter.
    let fault = machine.take_read_fault();
    done.map(|_| ()).map_err(|failure| fault.map_or(failure.message, |fault| fault.to_string()))
}

fn answer(results: &[(String, Result<(), String>)]) -> Reply {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    let mut errors = object.object("bulkErrorResults");
    for (id, result) in results {
        if let Err(message) = result {
            errors.entry(id, &Raw::string(message));
        }
    }
    errors.end();
    let mut fine = object.array("bulkSuccessfulResults");
    for (id, _) in results.iter().filter(|(_, result)| result.is_ok()) {
        fine.str(id);
    }
    fine.end();
    object.end();
    Reply::json(out)
}

fn each(
    machine: &mut Machine,
    body: &[u8],
    method: &str,
    act: impl Fn(&mut Machine, WorkflowId) -> Result<Reply, Failure>,
) -> Result<Reply, Failure> {
    let mut results = Vec::new();
    for id in ids(body, method)? {
        let result = one(machine, &id, &act);
        results.push((id, result));
    }
    Ok(answer(&results))
}

/// Executions by id, those that are there as `WorkflowModel` (rest-api 4).
fn search(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let include = if params.flag("includeTasks", true)? { Include::Tasks } else { Include::NoTasks };
    let (mut found, mut errors) = (String::new(), String::new());
    let mut list = ArrayWriter::begin(&mut found);
    let mut refused = ObjectWriter::begin(&mut errors);
    for id in ids(body, "searchWorkflow")? {
        let missing = format!("No such workflow found by id: {id}");
        let live = WorkflowId::parse(&id).and_then(|workflow| machine.find(workflow));
        if let Some(live) = live {
            view::write_model(live, list.element(), include);
        } else {
            let message = machine.take_read_fault().map_or(missing, |fault| fault.to_string());
            refused.entry(&id, &Raw::string(&message));
        }
    }
    list.end();
    refused.end();
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.raw("bulkErrorResults", &errors).raw("bulkSuccessfulResults", &found);
    object.end();
    Ok(Reply::json(out))
}

fn restart(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let latest = params.flag("useLatestDefinitions", false)?;
    each(machine, body, "restart", |m, id| restart_one(m, id, latest))
}

fn retry(machine: &mut Machine, _: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let command = || Command::Retry { resumes_children: false, is_from_parent: false };
    each(machine, body, "retry", |m, id| operate(m, id, command()))
}

fn terminate(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let command = termination(params)?;
    each(machine, body, "terminate", |m, id| operate(m, id, command.clone()))
}

fn remove(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let archives = params.flag("archiveWorkflow", true)?;
    each(machine, body, "deleteWorkflow", |m, id| remove_one(m, id, archives))
}

/// Each of the two steps reports on its own, so that a fully successful id stands twice (rest-api 4).
fn terminate_remove(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let archives = params.flag("archiveWorkflow", true)?;
    let command = termination(params)?;
    let mut results = Vec::new();
    for id in ids(body, "terminateRemove")? {
        let end = |m: &mut Machine, w: WorkflowId| operate(m, w, command.clone());
        let ended = one(machine, &id, &end);
        results.push((id.clone(), ended));
        let removed = one(machine, &id, &|m, w| remove_one(m, w, archives));
        results.push((id, removed));
    }
    Ok(answer(&results))
}

//! `POST /api/workflow/test` (rest-api 3.26, S-64.1): a test run with mocks.

use super::Verb::Begin;
use super::workflow::begin;
use super::{Params, Verb, bodies, typed};
use crate::machine::Machine;
use crate::machine::trial::{Mock, Script};
use crate::reply::{Failure, ReplyTo};
use fastcond_json::{Kind, Raw, kind};
use fastcond_model::ResultStatus;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[("workflow.test", Begin(test))];

/// The longest a mock may wait or run, in milliseconds: a year.
const MOCK_MS_MAX: i64 = 366 * 86_400_000;

/// What `WorkflowTestRequest` has besides a start request. Its depth is bounded by that of JSON bodies.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Mocks {
    task_ref_to_mock_output: Option<BTreeMap<String, Option<Vec<TaskMock>>>>,
    sub_workflow_test_request: Option<BTreeMap<String, Option<Mocks>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TaskMock {
    status: Option<String>,
    output: Option<Raw>,
    execution_time: i64,
    queue_wait_time: i64,
}

impl TaskMock {
    fn checked(self) -> Result<Mock, Failure> {
        let word = self.status.as_deref().unwrap_or("COMPLETED");
        let status = ResultStatus::parse(word)
            .ok_or_else(|| Failure::bad_request(format!("there is no status {word} for a mock")))?;
        let output = self.output.filter(|output| !output.is_null()).unwrap_or_else(Raw::empty_object);
        if kind(&output) != Kind::Object {
            return Err(Failure::bad_request("the output of a mock must be a JSON object"));
        }
        Ok(Mock {
            status,
            output,
            execution_ms: self.execution_time.clamp(0, MOCK_MS_MAX),
            queue_wait_ms: self.queue_wait_time.clamp(0, MOCK_MS_MAX),
        })
    }
}

fn own_mocks(mocks: &mut Mocks) -> Result<Script, Failure> {
    let mut script = Script::default();
    for (reference, list) in mocks.task_ref_to_mock_output.take().unwrap_or_default() {
        let list: Result<_, _> = list.unwrap_or_default().into_iter().map(TaskMock::checked).collect();
        script.mocks.insert(reference, list?);
    }
    Ok(script)
}

/// The mocks of a request and of those in it.
fn script(mut top: Mocks) -> Result<Script, Failure> {
    let mut script = own_mocks(&mut top)?;
    for (reference, below) in top.sub_workflow_test_request.unwrap_or_default() {
        script.children.insert(reference, self::script(below.unwrap_or_default())?);
    }
    Ok(script)
}

fn test(machine: &mut Machine, to: ReplyTo, _: &Params, body: &[u8]) -> Result<(), Failure> {
    let request = bodies::start_request(body)?;
    let script = script(typed(body)?)?;
    let mut aside = machine.try_aside()?;
    let top = machine.with_scripts_lent(&mut aside, |aside| begin(aside, request))?;
    machine.begin_trial(to, aside, top, script);
    Ok(())
}

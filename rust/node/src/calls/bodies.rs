//! Bodies of the hot calls, read in one pass over checked text.
//!
//! What clients usually send is taken apart as it lies there; a body with anything unusual in it (a number as text, a
//! definition in a start, log lines in a result, a wrong type) goes to the general reader, which alone decides what it
//! means. So the two never disagree, and every refusal has one wording.

use super::{json_text, typed_text};
use crate::reply::Failure;
use fastcond_json::{Kind, Raw, as_bool, as_i64, as_str, kind, members};
use fastcond_model::{ResultStatus, StartRequest, TaskResult};

/// The body of a start.
pub fn start_request(body: &[u8]) -> Result<StartRequest, Failure> {
    let text = json_text(body)?;
    usual_start(text).map_or_else(|| typed_text(text), Ok)
}

/// The body of a report.
pub fn task_result(body: &[u8]) -> Result<TaskResult, Failure> {
    let text = json_text(body)?;
    usual_result(text).map_or_else(|| typed_text(text), Ok)
}

fn usual_start(text: &str) -> Option<StartRequest> {
    let mut request = StartRequest::default();
    for (key, value) in object_members(text)? {
        match &*key.decoded() {
            "name" => request.name = text_or_null(value)?,
            "version" => request.version = number_or_null(value)?,
            "correlationId" => request.correlation_id = text_or_null(value)?,
            "input" => request.input = (value != "null").then(|| Raw::of_checked(value)),
            "taskToDomain" => expect_nothing(value)?,
            "workflowDef" | "idempotencyStrategy" => expect_null(value)?,
            "externalInputPayloadStoragePath" => {
                request.external_input_payload_storage_path = text_or_null(value)?;
            }
            "priority" => request.priority = number_or_null(value)?,
            "createdBy" => request.created_by = text_or_null(value)?,
            "idempotencyKey" => request.idempotency_key = text_or_null(value)?,
            _ => {}
        }
    }
    Some(request)
}

fn usual_result(text: &str) -> Option<TaskResult> {
    let mut result = TaskResult::default();
    for (key, value) in object_members(text)? {
        match &*key.decoded() {
            "workflowInstanceId" => result.workflow_instance_id = text_or_null(value)?,
            "taskId" => result.task_id = text_or_null(value)?,
            "reasonForIncompletion" => result.reason_for_incompletion = text_or_null(value)?,
            "callbackAfterSeconds" => {
                result.callback_after_seconds = number_or_null(value)?.unwrap_or_default();
            }
            "workerId" => result.worker_id = text_or_null(value)?,
            "status" => result.status = Some(ResultStatus::parse(&as_str(value)?)?),
            "outputData" => result.output_data = object_or_null(value)?,
            "logs" => expect_nothing(value)?,
            "externalOutputPayloadStoragePath" => {
                result.external_output_payload_storage_path = text_or_null(value)?;
            }
            "subWorkflowId" => result.sub_workflow_id = text_or_null(value)?,
            "extendLease" => result.extend_lease = as_bool(value)?,
            _ => {}
        }
    }
    Some(result)
}

fn object_members(text: &str) -> Option<fastcond_json::Members<'_>> {
    (kind(text) == Kind::Object).then(|| members(text))
}

#[expect(
    clippy::option_option,
    reason = "the outer none is a value of the wrong kind, the inner one is null"
)]
fn text_or_null(value: &str) -> Option<Option<String>> {
    if value == "null" { Some(None) } else { as_str(value).map(|text| Some(text.into_owned())) }
}

#[expect(
    clippy::option_option,
    reason = "the outer none is a value of the wrong kind, the inner one is null"
)]
fn number_or_null<T: TryFrom<i64>>(value: &str) -> Option<Option<T>> {
    if value == "null" { Some(None) } else { T::try_from(as_i64(value)?).ok().map(Some) }
}

fn object_or_null(value: &str) -> Option<Raw> {
    match kind(value) {
        Kind::Object => Some(Raw::of_checked(value)),
        Kind::Null => Some(Raw::empty_object()),
        _ => None,
    }
}

fn expect_null(value: &str) -> Option<()> {
    (value == "null").then_some(())
}

/// Nothing at all: null, or a map or list without anything in it.
fn expect_nothing(value: &str) -> Option<()> {
    matches!(value, "null" | "{}" | "[]").then_some(())
}

#[cfg(test)]
mod tests {
    use super::{StartRequest, TaskResult, usual_result, usual_start};
    use serde::de::DeserializeOwned;
    use std::fmt::Debug;

    /// Where the quick reader gives an answer, the general one gives the same.
    fn agree<T: DeserializeOwned + Debug>(bodies: &[(&str, bool)], quick: fn(&str) -> Option<T>) {
        for (body, is_usual) in bodies {
            let found = quick(body);
            assert_eq!(found.is_some(), *is_usual, "{body}");
            if let Some(found) = found {
                let general: T = serde_json::from_str(body).unwrap_or_else(|e| panic!("{body}: {e}"));
                assert_eq!(format!("{found:?}"), format!("{general:?}"), "{body}");
            }
        }
    }

    #[test]
    fn starts_are_read_as_the_general_reader_reads_them() {
        let bodies = [
            (r#"{"name":"n","version":1,"input":{"a":[1,{"b":"c\"d"}]}}"#, true),
            (r#"{ "name" : "n\u0041" , "version" : null , "input" : null }"#, true),
            (
                r#"{"name":null,"correlationId":"c","priority":-3,"createdBy":"x","unknown":{"name":"y"}}"#,
                true,
            ),
            (
                r#"{"taskToDomain":{},"workflowDef":null,"idempotencyStrategy":null,"idempotencyKey":"k"}"#,
                true,
            ),
            (r#"{"input":[1],"externalInputPayloadStoragePath":"p"}"#, true),
            (r#"{"n\u0061me":"escaped key"}"#, true),
            ("{}", true),
            ("[]", false),
            (r#""text""#, false),
            (r#"{"version":"1"}"#, false),
            (r#"{"version":1.5}"#, false),
            (r#"{"version":99999999999}"#, false),
            (r#"{"name":1}"#, false),
            (r#"{"taskToDomain":{"a":"b"}}"#, false),
            (r#"{"workflowDef":{"name":"n"}}"#, false),
        ];
        agree::<StartRequest>(&bodies, usual_start);
    }

    #[test]
    fn results_are_read_as_the_general_reader_reads_them() {
        let bodies = [
            (r#"{"workflowInstanceId":"w","taskId":"t","status":"COMPLETED","outputData":{"a":1}}"#, true),
            (
                r#"{"status":"IN_PROGRESS","callbackAfterSeconds":5,"workerId":"w","outputData":null,"logs":[]}"#,
                true,
            ),
            (r#"{"status":"FAILED","reasonForIncompletion":"why\n","logs":null,"extendLease":true}"#, true),
            (
                r#"{"callbackAfterSeconds":null,"subWorkflowId":"s","externalOutputPayloadStoragePath":null}"#,
                true,
            ),
            (r#"{"status":null}"#, false),
            (r#"{"status":3}"#, false),
            (r#"{"status":"completed"}"#, false),
            (r#"{"outputData":[]}"#, false),
            (r#"{"outputData":"text"}"#, false),
            (r#"{"logs":[{"log":"line"}]}"#, false),
            (r#"{"extendLease":"true"}"#, false),
            (r#"{"extendLease":null}"#, false),
            (r#"{"callbackAfterSeconds":"5"}"#, false),
        ];
        agree::<TaskResult>(&bodies, usual_result);
    }
}

//! Request bodies of the hot routes (data-model section 3).

use crate::def::{IdempotencyStrategy, WorkflowDef, count, flag, optional_number};
use crate::status::ResultStatus;
use fastcond_json::{ObjectWriter, Raw};
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};

/// `StartWorkflowRequest`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct StartRequest {
    pub name: Option<String>,
    #[serde(deserialize_with = "optional_number")]
    pub version: Option<i32>,
    pub correlation_id: Option<String>,
    /// None when the client wrote null.
    pub input: Option<Raw>,
    #[serde(deserialize_with = "crate::def::text_map")]
    pub task_to_domain: IndexMap<String, String>,
    pub workflow_def: Option<Box<WorkflowDef>>,
    pub external_input_payload_storage_path: Option<String>,
    #[serde(deserialize_with = "optional_number")]
    pub priority: Option<i64>,
    pub created_by: Option<String>,
    pub idempotency_key: Option<String>,
    pub idempotency_strategy: Option<IdempotencyStrategy>,
}

/// Domains by task type as the record keeps them: one JSON object.
pub fn domains(task_to_domain: &IndexMap<String, String>) -> Raw {
    if task_to_domain.is_empty() {
        return Raw::empty_object();
    }
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for (task_type, list) in task_to_domain {
        object.entry(task_type, &Raw::string(list));
    }
    object.end();
    Raw::of_checked(out)
}

impl Default for StartRequest {
    fn default() -> Self {
        Self {
            name: None,
            version: None,
            correlation_id: None,
            input: Some(Raw::empty_object()),
            task_to_domain: IndexMap::new(),
            workflow_def: None,
            external_input_payload_storage_path: None,
            priority: None,
            created_by: None,
            idempotency_key: None,
            idempotency_strategy: None,
        }
    }
}

/// One line of a task's log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct LogLine {
    pub log: Option<String>,
    #[serde(deserialize_with = "count")]
    pub created_time: i64,
}

/// `TaskResult`: what a worker reports.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct TaskResult {
    pub workflow_instance_id: Option<String>,
    pub task_id: Option<String>,
    pub reason_for_incompletion: Option<String>,
    #[serde(deserialize_with = "count")]
    pub callback_after_seconds: i64,
    pub worker_id: Option<String>,
    #[serde(deserialize_with = "result_status")]
    pub status: Option<ResultStatus>,
    #[serde(deserialize_with = "crate::def::object")]
    pub output_data: Raw,
    #[serde(deserialize_with = "crate::def::list")]
    pub logs: Vec<LogLine>,
    pub external_output_payload_storage_path: Option<String>,
    pub sub_workflow_id: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub extend_lease: bool,
}

impl Default for TaskResult {
    fn default() -> Self {
        Self {
            workflow_instance_id: None,
            task_id: None,
            reason_for_incompletion: None,
            callback_after_seconds: 0,
            worker_id: None,
            status: None,
            output_data: Raw::empty_object(),
            logs: Vec::new(),
            external_output_payload_storage_path: None,
            sub_workflow_id: None,
            extend_lease: false,
        }
    }
}

fn result_status<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ResultStatus>, D::Error> {
    use serde::de::{Error, Unexpected, Visitor};
    struct Word;
    impl Visitor<'_> for Word {
        type Value = Option<ResultStatus>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("IN_PROGRESS, FAILED, FAILED_WITH_TERMINAL_ERROR, COMPLETED or CANCELED")
        }
        fn visit_str<E: Error>(self, v: &str) -> Result<Self::Value, E> {
            ResultStatus::parse(v).map(Some).ok_or_else(|| E::invalid_value(Unexpected::Str(v), &self))
        }
        fn visit_u64<E: Error>(self, v: u64) -> Result<Self::Value, E> {
            let status = u8::try_from(v).ok().and_then(ResultStatus::from_code);
            status.map(Some).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(v), &self))
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Word)
}

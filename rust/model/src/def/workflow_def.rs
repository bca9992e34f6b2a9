//! A workflow definition (data-model section 2, S-2.8).

use super::WorkflowTask;
use super::lenient::{count, flag, list, number, object, optional_number, wire_enum};
use fastcond_json::{Raw, as_str, get};
use serde::{Deserialize, Serialize};

wire_enum! {
    /// What the workflow timeout does (S-55.1).
    WorkflowTimeoutPolicy {
        /// The workflow is timed out.
        TimeOutWf = "TIME_OUT_WF",
        /// Counted only.
        AlertOnly = "ALERT_ONLY",
    }
}

/// How many executions of one key may run at once (S-53.5).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct RateLimitConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_key: Option<String>,
    #[serde(deserialize_with = "number")]
    pub concurrent_exec_limit: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// A workflow definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct WorkflowDef {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_app: Option<String>,
    #[serde(deserialize_with = "count")]
    pub create_time: i64,
    #[serde(deserialize_with = "count")]
    pub update_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(deserialize_with = "number")]
    pub version: i32,
    #[serde(deserialize_with = "list")]
    pub tasks: Vec<WorkflowTask>,
    #[serde(deserialize_with = "list")]
    pub input_parameters: Vec<Raw>,
    #[serde(deserialize_with = "object")]
    pub output_parameters: Raw,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_workflow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "optional_number")]
    pub failure_workflow_version: Option<i32>,
    #[serde(deserialize_with = "number")]
    pub schema_version: i32,
    #[serde(deserialize_with = "flag")]
    pub restartable: bool,
    #[serde(deserialize_with = "flag")]
    pub workflow_status_listener_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_status_listener_sink: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_policy: Option<WorkflowTimeoutPolicy>,
    #[serde(deserialize_with = "count")]
    pub timeout_seconds: i64,
    #[serde(deserialize_with = "object")]
    pub variables: Raw,
    #[serde(deserialize_with = "object")]
    pub input_template: Raw,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_config: Option<RateLimitConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Raw>,
    #[serde(deserialize_with = "flag")]
    pub enforce_schema: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_config: Option<Raw>,
    #[serde(deserialize_with = "list")]
    pub masked_fields: Vec<String>,
}

impl Default for WorkflowDef {
    fn default() -> Self {
        Self {
            owner_app: None,
            create_time: 0,
            update_time: 0,
            created_by: None,
            updated_by: None,
            name: None,
            description: None,
            version: 1,
            tasks: Vec::new(),
            input_parameters: Vec::new(),
            output_parameters: Raw::empty_object(),
            failure_workflow: None,
            failure_workflow_version: None,
            schema_version: 2,
            restartable: true,
            workflow_status_listener_enabled: false,
            workflow_status_listener_sink: None,
            owner_email: None,
            timeout_policy: Some(WorkflowTimeoutPolicy::AlertOnly),
            timeout_seconds: 0,
            variables: Raw::empty_object(),
            input_template: Raw::empty_object(),
            rate_limit_config: None,
            input_schema: None,
            output_schema: None,
            enforce_schema: true,
            metadata: Some(Raw::empty_object()),
            cache_config: None,
            masked_fields: Vec::new(),
        }
    }
}

impl WorkflowDef {
    /// The name, empty when missing (registration refuses that).
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// What sort of workflow this is: `workflow`, `agent`, or the author's own word (data-model section 2).
    pub fn classifier(&self) -> String {
        let Some(metadata) = self.metadata.as_ref() else { return "workflow".to_owned() };
        let word = get(metadata, "classifier").and_then(as_str).filter(|word| !word.trim().is_empty());
        if let Some(word) = word {
            return word.into_owned();
        }
        let is_agent =
            ["agent_sdk", "agentDef"].iter().any(|key| get(metadata, key).is_some_and(|v| v != "null"));
        if is_agent { "agent" } else { "workflow" }.to_owned()
    }

    /// Calls `visit` for every step of the tree, parents before children, without recursion.
    pub fn each_task<'a>(&'a self, mut visit: impl FnMut(&'a WorkflowTask)) {
        let mut stack: Vec<&WorkflowTask> = self.tasks.iter().rev().collect();
        while let Some(task) = stack.pop() {
            visit(task);
            let below: Vec<&WorkflowTask> = task.children().flatten().collect();
            stack.extend(below.into_iter().rev());
        }
    }
}

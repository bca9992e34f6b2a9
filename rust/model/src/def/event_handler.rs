//! What is to be done when an event comes (data-model section 5, S-80.1).

use super::lenient::{flag, list, object, optional_number, text_map, wire_enum};
use fastcond_json::Raw;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

wire_enum! {
    /// What an action does (S-80.8 to S-80.10).
    ActionKind {
        /// Starts an execution.
        StartWorkflow = "start_workflow",
        /// Ends a task well.
        CompleteTask = "complete_task",
        /// Ends a task badly.
        FailTask = "fail_task",
        /// Ends an execution.
        TerminateWorkflow = "terminate_workflow",
        /// Merges into the variables of an execution.
        UpdateWorkflowVariables = "update_workflow_variables",
        /// Belongs to the agent module, which is not here.
        StartAgent = "start_agent",
    }
}

/// An event handler; field meanings and defaults as data-model section 5.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct EventHandler {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    #[serde(deserialize_with = "list")]
    pub actions: Vec<EventAction>,
    #[serde(deserialize_with = "flag")]
    pub active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluator_type: Option<String>,
}

/// One thing to do, and its field of the same name with what it needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct EventAction {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_workflow: Option<StartAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete_task: Option<TaskAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_task: Option<TaskAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminate_workflow: Option<TerminateAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_workflow_variables: Option<VariablesAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_agent: Option<Raw>,
    #[serde(rename = "expandInlineJSON", deserialize_with = "flag")]
    pub expands_json: bool,
}

/// `start_workflow` (S-80.8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct StartAction {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "optional_number")]
    pub version: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    #[serde(deserialize_with = "object")]
    pub input: Raw,
    #[serde(skip_serializing_if = "IndexMap::is_empty", deserialize_with = "text_map")]
    pub task_to_domain: IndexMap<String, String>,
}

impl Default for StartAction {
    fn default() -> Self {
        Self {
            name: None,
            version: None,
            correlation_id: None,
            input: Raw::empty_object(),
            task_to_domain: IndexMap::new(),
        }
    }
}

/// `complete_task` and `fail_task` (S-80.9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct TaskAction {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_ref_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_for_incompletion: Option<String>,
    #[serde(deserialize_with = "object")]
    pub output: Raw,
}

impl Default for TaskAction {
    fn default() -> Self {
        Self {
            workflow_id: None,
            task_ref_name: None,
            task_id: None,
            reason_for_incompletion: None,
            output: Raw::empty_object(),
        }
    }
}

/// `terminate_workflow` (S-80.10).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct TerminateAction {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_reason: Option<String>,
}

/// `update_workflow_variables` (S-80.10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct VariablesAction {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    #[serde(deserialize_with = "object")]
    pub variables: Raw,
    /// Lists are added to instead of being replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append_array: Option<bool>,
}

impl Default for VariablesAction {
    fn default() -> Self {
        Self { workflow_id: None, variables: Raw::empty_object(), append_array: None }
    }
}

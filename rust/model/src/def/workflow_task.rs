//! One step of a workflow definition (data-model section 2).

use super::lenient::{flag, list, number, object, optional_number, wire_enum};
use super::{TaskDef, WorkflowDef};
use fastcond_json::Raw;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

wire_enum! {
    /// Accepted and kept; joins are evaluated when a joined task ends, whatever it says (S-25.9).
    JoinMode {
        /// Evaluated at once.
        Sync = "SYNC",
        /// Evaluated in the background.
        Async = "ASYNC",
    }
}

wire_enum! {
    /// What a second start with the same key does (S-90.1).
    IdempotencyStrategy {
        /// 409 when one exists.
        Fail = "FAIL",
        /// The existing id is returned.
        ReturnExisting = "RETURN_EXISTING",
        /// 409 only while one runs.
        FailOnRunning = "FAIL_ON_RUNNING",
    }
}

/// A step: which task, under which reference name, with which input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct WorkflowTask {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_reference_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(deserialize_with = "object")]
    pub input_parameters: Raw,
    #[serde(rename = "type", deserialize_with = "type_word")]
    pub task_type: Option<String>,
    /// Input-only alias that sets `type`.
    #[serde(skip_serializing)]
    pub workflow_task_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_task_name_param: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case_value_param: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_expression: Option<String>,
    #[serde(deserialize_with = "cases")]
    pub decision_cases: IndexMap<String, Vec<WorkflowTask>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_fork_join_tasks_param: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_fork_tasks_param: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_fork_tasks_input_param_name: Option<String>,
    #[serde(deserialize_with = "list")]
    pub default_case: Vec<WorkflowTask>,
    #[serde(deserialize_with = "list")]
    pub fork_tasks: Vec<Vec<WorkflowTask>>,
    #[serde(deserialize_with = "number")]
    pub start_delay: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_workflow_param: Option<Box<SubWorkflowParams>>,
    #[serde(deserialize_with = "list")]
    pub join_on: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub optional: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<Box<TaskDef>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limited: Option<bool>,
    #[serde(deserialize_with = "list")]
    pub default_exclusive_join_task: Vec<String>,
    #[serde(deserialize_with = "flag")]
    pub async_complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loop_condition: Option<String>,
    #[serde(deserialize_with = "list")]
    pub loop_over: Vec<WorkflowTask>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "optional_number")]
    pub retry_count: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluator_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    #[serde(deserialize_with = "object")]
    pub on_state_change: Raw,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_config: Option<Raw>,
    #[serde(deserialize_with = "flag")]
    pub permissive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_mode: Option<JoinMode>,
    #[serde(deserialize_with = "object")]
    pub metadata: Raw,
}

fn type_word<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(from)
}

fn cases<'de, D: Deserializer<'de>>(from: D) -> Result<IndexMap<String, Vec<WorkflowTask>>, D::Error> {
    let map: Option<IndexMap<String, Option<Vec<WorkflowTask>>>> = Option::deserialize(from)?;
    Ok(map.unwrap_or_default().into_iter().map(|(k, v)| (k, v.unwrap_or_default())).collect())
}

impl Default for WorkflowTask {
    fn default() -> Self {
        Self {
            name: None,
            task_reference_name: None,
            description: None,
            input_parameters: Raw::empty_object(),
            task_type: Some("SIMPLE".to_owned()),
            workflow_task_type: None,
            dynamic_task_name_param: None,
            case_value_param: None,
            case_expression: None,
            script_expression: None,
            decision_cases: IndexMap::new(),
            dynamic_fork_join_tasks_param: None,
            dynamic_fork_tasks_param: None,
            dynamic_fork_tasks_input_param_name: None,
            default_case: Vec::new(),
            fork_tasks: Vec::new(),
            start_delay: 0,
            sub_workflow_param: None,
            join_on: Vec::new(),
            sink: None,
            optional: false,
            task_definition: None,
            rate_limited: None,
            default_exclusive_join_task: Vec::new(),
            async_complete: false,
            loop_condition: None,
            loop_over: Vec::new(),
            items: None,
            retry_count: None,
            evaluator_type: None,
            expression: None,
            on_state_change: Raw::empty_object(),
            join_status: None,
            cache_config: None,
            permissive: false,
            join_mode: None,
            metadata: Raw::empty_object(),
        }
    }
}

impl WorkflowTask {
    /// The type word; the input-only alias wins, a missing type is SIMPLE.
    pub fn kind(&self) -> &str {
        self.workflow_task_type.as_deref().or(self.task_type.as_deref()).unwrap_or("SIMPLE")
    }

    /// The reference name, empty when missing (registration refuses that).
    pub fn reference(&self) -> &str {
        self.task_reference_name.as_deref().unwrap_or_default()
    }

    /// The task name, empty when missing (registration refuses that).
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The lists of steps directly below this one, in the contract's order.
    pub fn children(&self) -> impl Iterator<Item = &Vec<WorkflowTask>> {
        let cases = self.decision_cases.values();
        cases
            .chain(std::iter::once(&self.default_case))
            .chain(&self.fork_tasks)
            .chain(std::iter::once(&self.loop_over))
    }

    /// Mutable form of [`Self::children`].
    pub fn children_mut(&mut self) -> impl Iterator<Item = &mut Vec<WorkflowTask>> {
        let cases = self.decision_cases.values_mut();
        cases
            .chain(std::iter::once(&mut self.default_case))
            .chain(&mut self.fork_tasks)
            .chain(std::iter::once(&mut self.loop_over))
    }
}

/// Which workflow a SUB_WORKFLOW step starts, and how (S-30.1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct SubWorkflowParams {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An integer, or an expression that gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_to_domain: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_definition: Option<InlineDefinition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_strategy: Option<IdempotencyStrategy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Raw>,
}

/// A definition given in place: the object, or one whole `${...}` reference to it.
#[derive(Clone, Debug, PartialEq)]
pub enum InlineDefinition {
    /// The definition itself.
    Object(Box<WorkflowDef>),
    /// A reference resolved when the step is scheduled.
    Reference(String),
}

impl Serialize for InlineDefinition {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object(def) => def.serialize(to),
            Self::Reference(text) => to.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for InlineDefinition {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let raw = Raw::deserialize(from)?;
        if let Some(text) = fastcond_json::as_str(&raw) {
            if text.starts_with("${") && text.ends_with('}') {
                return Ok(Self::Reference(text.into_owned()));
            }
            return Err(D::Error::custom("workflowDefinition must be an object or one ${...} reference"));
        }
        serde_json::from_str(&raw).map(|def| Self::Object(Box::new(def))).map_err(D::Error::custom)
    }
}

//! What is known of a kind of task: retries, timeouts, limits (data-model section 2, S-2.6).

use super::lenient::{count, flag, number, object, optional_number, wire_enum};
use fastcond_json::Raw;
use serde::{Deserialize, Serialize};

wire_enum! {
    /// What a timeout does (S-55.3).
    TimeoutPolicy {
        /// The attempt is timed out and may be retried.
        Retry = "RETRY",
        /// The attempt and its workflow are timed out.
        TimeOutWf = "TIME_OUT_WF",
        /// Counted only.
        AlertOnly = "ALERT_ONLY",
    }
}

wire_enum! {
    /// How the delay before the next attempt grows (S-54.4).
    RetryLogic {
        /// Always the same delay.
        Fixed = "FIXED",
        /// Doubles with each attempt.
        ExponentialBackoff = "EXPONENTIAL_BACKOFF",
        /// Grows by the same step with each attempt.
        LinearBackoff = "LINEAR_BACKOFF",
    }
}

/// A task definition; field meanings and defaults as data-model section 2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct TaskDef {
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
    pub retry_count: i32,
    #[serde(deserialize_with = "count")]
    pub timeout_seconds: i64,
    pub input_keys: Vec<String>,
    pub output_keys: Vec<String>,
    pub runtime_metadata: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_policy: Option<TimeoutPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_logic: Option<RetryLogic>,
    #[serde(deserialize_with = "number")]
    pub retry_delay_seconds: i32,
    #[serde(deserialize_with = "count")]
    pub response_timeout_seconds: i64,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "optional_number")]
    pub concurrent_exec_limit: Option<i32>,
    #[serde(deserialize_with = "object")]
    pub input_template: Raw,
    #[serde(deserialize_with = "number")]
    pub rate_limit_per_frequency: i32,
    #[serde(deserialize_with = "one_when_null")]
    pub rate_limit_frequency_in_seconds: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation_group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_name_space: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "optional_number")]
    pub poll_timeout_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "optional_number")]
    pub backoff_scale_factor: Option<i32>,
    #[serde(deserialize_with = "number")]
    pub max_retry_delay_seconds: i32,
    #[serde(deserialize_with = "number")]
    pub backoff_jitter_ms: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_type: Option<String>,
    #[serde(deserialize_with = "count")]
    pub total_timeout_seconds: i64,
    #[serde(deserialize_with = "flag")]
    pub task_status_listener_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Raw>,
    #[serde(deserialize_with = "flag")]
    pub enforce_schema: bool,
}

fn one_when_null<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    Ok(optional_number(from)?.unwrap_or(1))
}

impl Default for TaskDef {
    fn default() -> Self {
        Self {
            owner_app: None,
            create_time: 0,
            update_time: 0,
            created_by: None,
            updated_by: None,
            name: None,
            description: None,
            retry_count: 3,
            timeout_seconds: 0,
            input_keys: Vec::new(),
            output_keys: Vec::new(),
            runtime_metadata: Vec::new(),
            timeout_policy: Some(TimeoutPolicy::TimeOutWf),
            retry_logic: Some(RetryLogic::Fixed),
            retry_delay_seconds: 60,
            response_timeout_seconds: 3600,
            concurrent_exec_limit: None,
            input_template: Raw::empty_object(),
            rate_limit_per_frequency: 0,
            rate_limit_frequency_in_seconds: 1,
            isolation_group_id: None,
            execution_name_space: None,
            owner_email: None,
            poll_timeout_seconds: None,
            backoff_scale_factor: Some(1),
            max_retry_delay_seconds: 0,
            backoff_jitter_ms: 0,
            base_type: None,
            total_timeout_seconds: 0,
            task_status_listener_enabled: true,
            input_schema: None,
            output_schema: None,
            enforce_schema: false,
        }
    }
}

impl TaskDef {
    /// The definition made up for a task that has none registered (S-2.4).
    pub fn ad_hoc(name: &str, is_simple: bool) -> Self {
        let mut def = Self { name: Some(name.to_owned()), ..Self::default() };
        if !is_simple {
            def.retry_count = 0;
            def.response_timeout_seconds = 0;
        }
        def
    }
}

use super::*;

#[test]
fn minimal_step_is_written_as_the_contract_says() {
    // data-model section 2, "Minimal emitted WorkflowTask"
    let step: WorkflowTask = serde_json::from_str(r#"{"name":"a","taskReferenceName":"r"}"#).unwrap();
    let text = serde_json::to_string(&step).unwrap();
    assert_eq!(
        text,
        r#"{"name":"a","taskReferenceName":"r","inputParameters":{},"type":"SIMPLE","decisionCases":{},"defaultCase":[],"forkTasks":[],"startDelay":0,"joinOn":[],"optional":false,"defaultExclusiveJoinTask":[],"asyncComplete":false,"loopOver":[],"onStateChange":{},"permissive":false,"metadata":{}}"#
    );
}

#[test]
fn scalars_are_coerced_and_null_is_zero() {
    // data-model section 1
    let def: WorkflowDef = serde_json::from_str(
        r#"{"name":"w","version":"12","restartable":"false","timeoutSeconds":2.7,"schemaVersion":null,"unknown":{"x":1},"tasks":[{"workflowTaskType":"HTTP"}]}"#,
    )
    .unwrap();
    assert_eq!((def.version, def.restartable, def.timeout_seconds, def.schema_version), (12, false, 2, 0));
    assert_eq!(def.tasks[0].kind(), "HTTP");
    let task: TaskDef = serde_json::from_str(
        r#"{"name":"t","timeoutPolicy":0,"retryLogic":"LINEAR_BACKOFF","retryCount":null}"#,
    )
    .unwrap();
    assert_eq!(task.timeout_policy, Some(TimeoutPolicy::Retry));
    assert_eq!(task.retry_logic, Some(RetryLogic::LinearBackoff));
    assert_eq!(task.retry_count, 0);
    assert!(serde_json::from_str::<TaskDef>(r#"{"retryLogic":"SOMETIMES"}"#).is_err());
}

#[test]
fn task_def_defaults_stand_in_the_output() {
    // S-2.6, data-model section 2
    let text = serde_json::to_string(&serde_json::from_str::<TaskDef>(r#"{"name":"t"}"#).unwrap()).unwrap();
    for part in [
        r#""retryCount":3"#,
        r#""timeoutSeconds":0"#,
        r#""timeoutPolicy":"TIME_OUT_WF""#,
        r#""retryLogic":"FIXED""#,
        r#""retryDelaySeconds":60"#,
        r#""responseTimeoutSeconds":3600"#,
        r#""rateLimitPerFrequency":0"#,
        r#""rateLimitFrequencyInSeconds":1"#,
        r#""backoffScaleFactor":1"#,
        r#""inputTemplate":{}"#,
        r#""enforceSchema":false"#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("concurrentExecLimit") && !text.contains("null"));
}

#[test]
fn inline_definition_is_an_object_or_one_reference() {
    let ok: SubWorkflowParams = serde_json::from_str(r#"{"workflowDefinition":"${a.output.def}"}"#).unwrap();
    assert_eq!(ok.workflow_definition, Some(InlineDefinition::Reference("${a.output.def}".into())));
    assert!(serde_json::from_str::<SubWorkflowParams>(r#"{"workflowDefinition":"x"}"#).is_err());
    let ok: SubWorkflowParams = serde_json::from_str(r#"{"workflowDefinition":{"name":"n"}}"#).unwrap();
    assert!(matches!(ok.workflow_definition, Some(InlineDefinition::Object(_))));
}

#[test]
fn classifier_follows_the_metadata() {
    let of = |m: &str| {
        serde_json::from_str::<WorkflowDef>(&format!(r#"{{"metadata":{m}}}"#)).unwrap().classifier()
    };
    assert_eq!(of("{}"), "workflow");
    assert_eq!(of(r#"{"agentDef":{}}"#), "agent");
    assert_eq!(of(r#"{"classifier":"etl"}"#), "etl");
}

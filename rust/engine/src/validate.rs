//! Registration checks (S-2.12, rest-api 15): what a definition must satisfy before it is stored.

use crate::graph::Enforced;
use crate::names;
use crate::step::schemas::unusable;
use crate::wait_time::{duration_ms, until_ms};
use fastcond_expr::Template;
use fastcond_expr::script::Scripts;
use fastcond_json::{Raw, as_str, get, members};
use fastcond_model::{TaskDef, WorkflowDef, WorkflowTask};
use std::collections::BTreeSet;

/// How deep steps may stand inside steps; scheduling descends one call per level.
pub const NESTING_MAX: usize = 60;
/// Steps a definition may have (quality H10): compiling it holds everybody up.
pub const STEPS_MAX: usize = 20_000;

/// One violated rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path below the argument, such as `tasks[0].name`; empty for the whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// The value, when it is a scalar.
    pub invalid_value: Option<String>,
}

fn violation(path: impl Into<String>, message: impl Into<String>) -> Violation {
    Violation { path: path.into(), message: message.into(), invalid_value: None }
}

/// A name that is missing or blank; what was given is shown.
fn blank_name(path: impl Into<String>, message: &str, given: Option<&str>) -> Violation {
    Violation { invalid_value: given.map(str::to_owned), ..violation(path, message) }
}

/// Schemas that are to be enforced and cannot be (S-92.6).
fn unusable_schemas(enforced: &Enforced, scripts: &mut Scripts) -> Vec<Violation> {
    let schemas = [("inputSchema", &enforced.input), ("outputSchema", &enforced.output)];
    let errors = schemas.into_iter().filter_map(|(field, schema)| {
        let error = scripts.violations(schema.as_ref()?, "{}").err()?;
        Some(violation(field, unusable(error)))
    });
    errors.collect()
}

/// A name that is longer than it may be; it is not shown.
fn long_name(path: impl Into<String>, name: &str) -> Option<Violation> {
    let path = path.into();
    let field = path.rsplit('.').next().unwrap_or_default().to_owned();
    names::too_long(name).map(|why| violation(path, format!("{field} {why}")))
}

/// Checks a task definition.
pub fn task_def(def: &TaskDef, scripts: &mut Scripts) -> Vec<Violation> {
    let enforced = Enforced::of(def.input_schema.as_ref(), def.output_schema.as_ref(), def.enforce_schema);
    let mut found = unusable_schemas(&enforced, scripts);
    if def.name.as_deref().is_none_or(|n| n.trim().is_empty()) {
        found.push(blank_name("name", "TaskDef name cannot be null or empty", def.name.as_deref()));
    }
    found.extend(long_name("name", def.name.as_deref().unwrap_or_default()));
    let not_negative = [
        ("retryCount", i64::from(def.retry_count)),
        ("pollTimeoutSeconds", def.poll_timeout_seconds.unwrap_or(0)),
        ("maxRetryDelaySeconds", i64::from(def.max_retry_delay_seconds)),
        ("backoffJitterMs", i64::from(def.backoff_jitter_ms)),
        ("totalTimeoutSeconds", def.total_timeout_seconds),
    ];
    for (field, value) in not_negative {
        if value < 0 {
            let mut v = violation(field, format!("TaskDef {field}: 0 must be >= 0"));
            v.invalid_value = Some(value.to_string());
            found.push(v);
        }
    }
    if def.response_timeout_seconds < 1 {
        let text = format!(
            "TaskDef responseTimeoutSeconds: {} should be minimum 1 second",
            def.response_timeout_seconds
        );
        let mut v = violation("responseTimeoutSeconds", text);
        v.invalid_value = Some(def.response_timeout_seconds.to_string());
        found.push(v);
    }
    if let Some(scale) = def.backoff_scale_factor.filter(|s| *s < 1) {
        let mut v = violation("backoffScaleFactor", "Backoff scale factor. Applicable for LINEAR_BACKOFF");
        v.invalid_value = Some(scale.to_string());
        found.push(v);
    }
    let name = def.name.as_deref().unwrap_or_default();
    if def.timeout_seconds > 0 && def.response_timeout_seconds > def.timeout_seconds {
        let text = format!(
            "TaskDef: {name} responseTimeoutSeconds: {} must be less than timeoutSeconds: {}",
            def.response_timeout_seconds, def.timeout_seconds
        );
        found.push(violation("", text));
    }
    if def.timeout_seconds > 0
        && def.total_timeout_seconds > 0
        && def.timeout_seconds > def.total_timeout_seconds
    {
        let text = format!(
            "TaskDef: {name} timeoutSeconds: {} must be less than or equal to totalTimeoutSeconds: {}",
            def.timeout_seconds, def.total_timeout_seconds
        );
        found.push(violation("", text));
    }
    found
}

/// Checks a workflow definition.
pub fn workflow_def(def: &WorkflowDef, scripts: &mut Scripts) -> Vec<Violation> {
    let enforced = Enforced::of(def.input_schema.as_ref(), def.output_schema.as_ref(), def.enforce_schema);
    let mut found = unusable_schemas(&enforced, scripts);
    if def.name().trim().is_empty() {
        found.push(blank_name("name", "WorkflowDef name cannot be null or empty", def.name.as_deref()));
    }
    found.extend(long_name("name", def.name()));
    if def.tasks.is_empty() {
        found.push(violation("tasks", "WorkflowTask list cannot be empty"));
    }
    if def.schema_version != 2 {
        let mut v = violation("schemaVersion", "workflowDef schemaVersion: 2 is only supported");
        v.invalid_value = Some(def.schema_version.to_string());
        found.push(v);
    }
    let Some(references) = collect(def, &mut found) else { return found };
    for step in &def.tasks {
        check_inputs(step, &references, &mut found);
    }
    let mut stack: Vec<(String, &WorkflowTask)> = listed("tasks", &def.tasks).rev().collect();
    while let Some((path, step)) = stack.pop() {
        check_step(&path, step, scripts, &mut found);
        let cases =
            step.decision_cases.iter().map(|(case, list)| (format!("{path}.decisionCases[{case}]"), list));
        let forks =
            step.fork_tasks.iter().enumerate().map(|(at, list)| (format!("{path}.forkTasks[{at}]"), list));
        let default = std::iter::once((format!("{path}.defaultCase"), &step.default_case));
        let body = std::iter::once((format!("{path}.loopOver"), &step.loop_over));
        let below: Vec<(String, &WorkflowTask)> = cases
            .chain(default)
            .chain(forks)
            .chain(body)
            .flat_map(|(path, list)| listed(&path, list).collect::<Vec<_>>())
            .collect();
        stack.extend(below.into_iter().rev());
    }
    found
}

fn listed<'a>(
    path: &str,
    list: &'a [WorkflowTask],
) -> impl DoubleEndedIterator<Item = (String, &'a WorkflowTask)> {
    let path = path.to_owned();
    list.iter().enumerate().map(move |(at, step)| (format!("{path}[{at}]"), step))
}

/// Reference names of the whole tree; double ones, reserved forms and too deep nesting are violations.
/// None when there is more than may be looked at.
fn collect<'a>(def: &'a WorkflowDef, found: &mut Vec<Violation>) -> Option<BTreeSet<&'a str>> {
    let mut references: BTreeSet<&str> = BTreeSet::new();
    let mut count = 0;
    let mut stack: Vec<(usize, &WorkflowTask)> = def.tasks.iter().rev().map(|t| (1, t)).collect();
    while let Some((depth, step)) = stack.pop() {
        count += 1;
        if count > STEPS_MAX {
            found.push(violation("tasks", format!("a definition may have at most {STEPS_MAX} tasks")));
            return None;
        }
        let reference = step.reference();
        if names::too_long(step.name()).or(names::too_long(reference)).is_some() {
            continue;
        }
        if !reference.is_empty() && !references.insert(reference) {
            let text = format!(
                "taskReferenceName: {reference} should be unique across tasks for a given workflowDefinition: {}",
                def.name()
            );
            found.push(violation("", text));
        }
        if reference.contains("__") {
            // S-1.10 Do.
            found.push(violation("", format!("taskReferenceName: {reference} must not contain '__'")));
        }
        if depth > NESTING_MAX {
            found.push(violation("", format!("tasks are nested deeper than {NESTING_MAX} levels")));
            return None;
        }
        let below: Vec<(usize, &WorkflowTask)> = step.children().flatten().map(|t| (depth + 1, t)).collect();
        stack.extend(below.into_iter().rev());
    }
    Some(references)
}

/// References in input parameters of top-level steps name something that exists.
fn check_inputs(step: &WorkflowTask, references: &BTreeSet<&str>, found: &mut Vec<Violation>) {
    for (key, value) in members(&step.input_parameters) {
        for mention in Template::compile(value).references() {
            let key = key.decoded();
            if !mention.is_well_formed {
                let text = format!("key: {key} input parameter value: {} is not valid", mention.text);
                found.push(violation("", text));
                continue;
            }
            let Some(first) = mention.first_segment else { continue };
            if first != "workflow" && !references.contains(first) && !is_fixed(mention.text) {
                let text = format!(
                    "taskReferenceName: {first} for given task: {} input value: {key} of input parameter: {} is not defined in workflow definition.",
                    step.name(),
                    mention.text
                );
                found.push(violation("", text));
            }
        }
    }
}

fn is_fixed(text: &str) -> bool {
    ["CPEWF_TASK_ID", "NETFLIX_ENV", "NETFLIX_STACK"].iter().any(|name| text.contains(name))
}

fn check_step(path: &str, step: &WorkflowTask, scripts: &mut Scripts, found: &mut Vec<Violation>) {
    if step.name().trim().is_empty() {
        found.push(violation(format!("{path}.name"), "WorkflowTask name cannot be empty or null"));
    }
    if step.reference().trim().is_empty() {
        found.push(violation(
            format!("{path}.taskReferenceName"),
            "WorkflowTask taskReferenceName name cannot be empty or null",
        ));
    }
    found.extend(long_name(format!("{path}.name"), step.name()));
    found.extend(long_name(format!("{path}.taskReferenceName"), step.reference()));
    if step.kind() == "SIMPLE" && crate::tasks::is_system(step.name()) {
        // S-9.2 Do.
        let text = format!("a SIMPLE task must not be named like the system type {}", step.name());
        found.push(violation(format!("{path}.name"), text));
    }
    if step.start_delay < 0 {
        found.push(violation(format!("{path}.startDelay"), "must be greater than or equal to 0"));
    }
    for message in by_type(step, scripts) {
        found.push(violation(path.to_owned(), message));
    }
}

fn required(step: &WorkflowTask, field: &str) -> String {
    format!("{field} field is required for taskType: {} taskName: {}", step.kind(), step.name())
}

/// Rules of one type.
fn by_type(step: &WorkflowTask, scripts: &mut Scripts) -> Vec<String> {
    let blank = |field: &Option<String>| field.as_deref().is_none_or(|t| t.trim().is_empty());
    let mut found = Vec::new();
    let mut need = |is_missing: bool, field: &str| {
        if is_missing {
            found.push(required(step, field));
        }
    };
    match step.kind() {
        "EVENT" => need(blank(&step.sink), "sink"),
        "DECISION" => {
            need(
                blank(&step.case_value_param) && blank(&step.case_expression),
                "caseValueParam or caseExpression",
            );
            need(step.decision_cases.is_empty(), "decisionCases");
        }
        "SWITCH" => {
            need(blank(&step.evaluator_type), "evaluatorType");
            need(blank(&step.expression), "expression");
            need(step.decision_cases.is_empty(), "decisionCases");
        }
        "DYNAMIC" => need(blank(&step.dynamic_task_name_param), "dynamicTaskNameParam"),
        "FORK_JOIN" => need(step.fork_tasks.is_empty(), "forkTasks"),
        "DO_WHILE" => {
            let is_list = step.items.is_some() || get(&step.input_parameters, "_items").is_some();
            need(step.loop_condition.is_none() && !is_list, "loopCondition");
            need(step.loop_over.is_empty(), "loopOver");
        }
        "SUB_WORKFLOW" => need(step.sub_workflow_param.is_none(), "subWorkflowParam"),
        "HTTP" => need(
            !has_input(step, &["http_request", "uri", "method"], "http_request"),
            "inputParameters.http_request",
        ),
        "KAFKA_PUBLISH" => {
            need(!has_input(step, &["kafka_request"], "kafka_request"), "inputParameters.kafka_request");
        }
        "JSON_JQ_TRANSFORM" => {
            need(
                !has_input(step, &["queryExpression"], "queryExpression"),
                "inputParameters.queryExpression",
            );
        }
        "FORK_JOIN_DYNAMIC" => found.extend(dynamic_fork(step)),
        "TERMINATE" => found.extend(terminate(step)),
        "WAIT" => found.extend(wait(step)),
        _ => {}
    }
    found.extend(script_errors(step, scripts));
    found
}

fn has_input(step: &WorkflowTask, keys: &[&str], in_template: &str) -> bool {
    let has = |raw: &Raw, key: &str| get(raw, key).is_some_and(|v| v != "null");
    keys.iter().any(|key| has(&step.input_parameters, key))
        || step.task_definition.as_ref().is_some_and(|def| has(&def.input_template, in_template))
}

fn dynamic_fork(step: &WorkflowTask) -> Vec<String> {
    if get(&step.input_parameters, "forkTaskInputs").is_some() {
        return Vec::new();
    }
    let has = |field: &Option<String>| field.as_deref().is_some_and(|t| !t.trim().is_empty());
    let legacy = has(&step.dynamic_fork_join_tasks_param);
    let (tasks, inputs) =
        (has(&step.dynamic_fork_tasks_param), has(&step.dynamic_fork_tasks_input_param_name));
    match (legacy, tasks, inputs) {
        (true, false, false) | (false, true, true) => Vec::new(),
        (true, _, _) => vec![format!(
            "dynamicForkJoinTasksParam or combination of dynamicForkTasksInputParamName and dynamicForkTasksParam cam be used for taskType: {} taskName: {}",
            step.kind(),
            step.name()
        )],
        (false, tasks, inputs) => {
            [(tasks, "dynamicForkTasksParam"), (inputs, "dynamicForkTasksInputParamName")]
                .iter()
                .filter(|(has, _)| !has)
                .map(|(_, field)| required(step, field))
                .collect()
        }
    }
}

fn terminate(step: &WorkflowTask) -> Vec<String> {
    let mut found = Vec::new();
    if step.optional {
        found.push(format!("terminate task cannot be optional, taskName: {}", step.name()));
    }
    let status = get(&step.input_parameters, "terminationStatus").and_then(as_str);
    if !matches!(status.as_deref(), Some("COMPLETED" | "FAILED" | "TERMINATED")) {
        found.push(format!(
            "terminate task must have an terminationStatus parameter and must be set to COMPLETED or FAILED, taskName: {}",
            step.name()
        ));
    }
    found
}

fn wait(step: &WorkflowTask) -> Vec<String> {
    let of = |key: &str| get(&step.input_parameters, key).and_then(as_str).filter(|t| !t.trim().is_empty());
    let (duration, until) = (of("duration"), of("until"));
    let is_literal = |text: &str| !text.contains("${");
    match (duration, until) {
        (Some(_), Some(_)) => {
            vec!["Both 'duration' and 'until' specified. Please provide only one input".to_owned()]
        }
        (Some(text), None) if is_literal(&text) && duration_ms(&text).is_none() => {
            vec![format!("Unable to parse the duration value '{text}' of wait task {}", step.name())]
        }
        (None, Some(text)) if is_literal(&text) && until_ms(&text).is_none() => {
            vec![format!("Unable to parse the until value '{text}' of wait task {}", step.name())]
        }
        _ => Vec::new(),
    }
}

fn script_errors(step: &WorkflowTask, scripts: &mut Scripts) -> Option<String> {
    let is_script = |evaluator: Option<&str>| matches!(evaluator, Some("javascript" | "graaljs"));
    let source = match step.kind() {
        "DECISION" => step.case_expression.clone(),
        "SWITCH" if is_script(step.evaluator_type.as_deref()) => step.expression.clone(),
        "INLINE" => {
            let of = |key: &str| get(&step.input_parameters, key).and_then(as_str);
            let evaluator = of("evaluatorType");
            let runs = evaluator.is_none() || is_script(evaluator.as_deref());
            of("expression").filter(|text| runs && !text.contains("${")).map(String::from)
        }
        _ => None,
    };
    let source = source.filter(|s| !s.trim().is_empty())?;
    let error = scripts.check_syntax(&source).err()?;
    Some(format!("Expression of task {} is not well formatted: {error}", step.reference()))
}

//! Definitions of the random client: small, and between them every way a task can wait.

use crate::client::{Random, simple, task_def, workflow_def};

/// Task types that workers poll.
pub const TYPES: &[&str] = &["plain", "flaky", "slow", "limited", "rated", "fragile", "parallel", "HTTP"];

/// Workflow names to start.
pub const NAMES: &[&str] = &[
    "one",
    "chain",
    "fork",
    "dynamic",
    "loop",
    "switch",
    "parent",
    "grand",
    "waiting",
    "compensated",
    "lenient",
    "timed",
    "embedding",
    "stopping",
    "http",
    "telling",
];

/// What a task definition is made of, by name; `n` varies it.
pub fn task_members(name: &str, n: usize) -> String {
    match name {
        "flaky" => format!(
            r#""retryCount":2,"retryLogic":"LINEAR_BACKOFF","retryDelaySeconds":{n},"responseTimeoutSeconds":20"#
        ),
        "slow" => format!(
            r#""retryCount":1,"retryDelaySeconds":{n},"responseTimeoutSeconds":10,"timeoutSeconds":30,"timeoutPolicy":"RETRY","pollTimeoutSeconds":60"#
        ),
        "limited" => format!(
            r#""retryCount":3,"retryDelaySeconds":0,"responseTimeoutSeconds":15,"concurrentExecLimit":{n}"#
        ),
        "rated" => format!(
            r#""retryCount":3,"retryDelaySeconds":1,"rateLimitPerFrequency":{n},"rateLimitFrequencyInSeconds":5"#
        ),
        "parallel" => format!(
            r#""retryCount":1,"retryDelaySeconds":1,"responseTimeoutSeconds":30,"concurrentExecLimit":{n},"rateLimitPerFrequency":3,"rateLimitFrequencyInSeconds":2"#
        ),
        // Names of steps that no worker runs: a limit does not concern them (S-53.3).
        "gate" | "pause" => format!(r#""concurrentExecLimit":{n}"#),
        "call" => format!(
            r#""retryCount":1,"retryDelaySeconds":1,"isolationGroupId":"g","concurrentExecLimit":{n}"#
        ),
        other => format!(r#""retryCount":0,"description":"{other} {n}""#),
    }
}

/// Names that have a task definition; `plain` has none.
pub const DEFINED: &[&str] =
    &["flaky", "slow", "limited", "rated", "parallel", "fragile", "gate", "pause", "call"];

/// All task definitions as a body.
pub fn tasks() -> String {
    let all: Vec<String> = DEFINED.iter().map(|name| task_def(name, &task_members(name, 2))).collect();
    format!("[{}]", all.join(","))
}

fn child(reference: &str, name: &str) -> String {
    format!(
        r#"{{"name":"{reference}","taskReferenceName":"{reference}","type":"SUB_WORKFLOW","inputParameters":{{"way":"${{workflow.input.way}}"}},"subWorkflowParam":{{"name":"{name}"}}}}"#
    )
}

fn fork(branches: &[String], names: &[&str]) -> String {
    let branches: Vec<String> = branches.iter().map(|steps| format!("[{steps}]")).collect();
    format!(
        r#"{{"name":"f","taskReferenceName":"f","type":"FORK_JOIN","forkTasks":[{}]}},{{"name":"j","taskReferenceName":"j","type":"JOIN","joinOn":{names:?}}}"#,
        branches.join(",")
    )
}

/// The steps of a workflow.
fn steps(name: &str) -> String {
    match name {
        "one" | "timed" => simple("plain", "a"),
        "chain" => [simple("plain", "a"), simple("flaky", "b"), simple("slow", "c")].join(","),
        "fork" => fork(
            &[simple("limited", "a"), simple("limited", "b"), simple("rated", "c"), format!("{},{}", simple("parallel", "d"), simple("limited", "e"))],
            &["a", "b", "c", "e"],
        ),
        "dynamic" => r#"{"name":"d","taskReferenceName":"d","type":"FORK_JOIN_DYNAMIC","dynamicForkTasksParam":"tasks","dynamicForkTasksInputParamName":"inputs","inputParameters":{"tasks":"${workflow.input.tasks}","inputs":{}}},{"name":"dj","taskReferenceName":"dj","type":"JOIN"}"#.to_owned(),
        "loop" => format!(
            r#"{{"name":"l","taskReferenceName":"l","type":"DO_WHILE","loopCondition":"$.l.iteration < 3","loopOver":[{},{}]}},{}"#,
            simple("limited", "a"), simple("plain", "b"), simple("plain", "after")
        ),
        "switch" => format!(
            r#"{{"name":"s","taskReferenceName":"s","type":"SWITCH","evaluatorType":"value-param","expression":"way","inputParameters":{{"way":"${{workflow.input.way}}"}},"decisionCases":{{"a":[{}],"b":[{}]}},"defaultCase":[{}]}}"#,
            simple("flaky", "a"), child("b", "one"), simple("fragile", "c")
        ),
        "parent" => format!("{},{}", child("sub", "switch"), simple("plain", "a")),
        "grand" => fork(&[child("left", "parent"), child("right", "chain"), simple("parallel", "own")], &["left", "right", "own"]),
        "waiting" => format!(
            r#"{{"name":"pause","taskReferenceName":"pause","type":"WAIT","inputParameters":{{"duration":"10 seconds"}}}},{{"name":"gate","taskReferenceName":"gate","type":"HUMAN"}},{}"#,
            simple("parallel", "a")
        ),
        "compensated" => simple("fragile", "a"),
        "lenient" => format!(
            r#"{{"name":"fragile","taskReferenceName":"a","type":"SIMPLE","optional":true}},{{"name":"v","taskReferenceName":"v","type":"SET_VARIABLE","inputParameters":{{"way":"${{a.output.n}}"}}}},{{"name":"fragile","taskReferenceName":"p","type":"SIMPLE","permissive":true}},{}"#,
            simple("slow", "b")
        ),
        "embedding" => format!(
            r#"{{"name":"sub","taskReferenceName":"sub","type":"SUB_WORKFLOW","subWorkflowParam":{{"name":"made","workflowDefinition":{}}}}}"#,
            workflow_def("made", "", &simple("flaky", "a"))
        ),
        "stopping" => format!(
            r#"{},{{"name":"t","taskReferenceName":"t","type":"TERMINATE","inputParameters":{{"terminationStatus":"FAILED","terminationReason":"enough"}}}}"#,
            fork(&[simple("limited", "a"), child("b", "chain")], &["a"])
        ),
        "telling" => format!(
            r#"{{"name":"e","taskReferenceName":"e","type":"EVENT","sink":"conductor:news","inputParameters":{{"of":"${{CPEWF_TASK_ID}}"}}}},{}"#,
            simple("plain", "a")
        ),
        // The first call has no task definition, so no timeout ever ends it.
        "http" => ["bare", "call"]
            .map(|name| format!(r#"{{"name":"{name}","taskReferenceName":"{name}","type":"HTTP","inputParameters":{{"http_request":{{"uri":"http://127.0.0.1:1/","method":"GET"}}}}}}"#))
            .join(","),
        other => panic!("there is no workflow {other}"),
    }
}

/// One workflow definition; `n` makes it differ from the last one.
pub fn workflow(name: &str, n: usize) -> String {
    let members = match name {
        "compensated" => r#","failureWorkflow":"chain""#,
        "timed" => r#","timeoutSeconds":40,"timeoutPolicy":"TIME_OUT_WF""#,
        _ => "",
    };
    let members = format!(r#""description":"change {n}"{members}"#);
    let text = workflow_def(name, &members, &steps(name));
    if name == "timed" { text.replacen(r#""timeoutSeconds":0,"#, "", 1) } else { text }
}

/// All workflow definitions as a body.
pub fn workflows() -> String {
    let all: Vec<String> = NAMES.iter().map(|name| workflow(name, 0)).collect();
    format!("[{}]", all.join(","))
}

/// The event that `telling` publishes.
pub const EVENT: &str = "conductor:telling:news";

/// Its handler: what was heard of is noted in the execution named, then another one is started.
pub fn handler() -> String {
    let note = r#"{"action":"update_workflow_variables","update_workflow_variables":{"workflowId":"${workflowInstanceId}","variables":{"heard":["${of}"]},"appendArray":true}}"#;
    let start = r#"{"action":"start_workflow","start_workflow":{"name":"one","input":{"of":"${of}"}}}"#;
    format!(r#"{{"name":"h","event":"{EVENT}","active":true,"actions":[{note},{start}]}}"#)
}

/// A random start input.
pub fn input(random: &mut Random) -> String {
    let way = *random.pick(&["a", "b", "c"]);
    let width = random.below(5);
    let tasks: Vec<String> = (0..width)
        .map(|at| match random.below(4) {
            0 => format!(r#"{{"name":"x","taskReferenceName":"x{at}","type":"SUB_WORKFLOW","subWorkflowParam":{{"name":"one"}}}}"#),
            1 => simple("limited", &format!("x{at}")),
            2 => simple("flaky", &format!("x{at}")),
            // Without a task definition no timeout would bring it back when its worker is lost (S-2.10).
            _ => simple("fragile", &format!("x{at}")),
        })
        .collect();
    format!(r#"{{"way":"{way}","tasks":[{}],"text":"{}"}}"#, tasks.join(","), "x".repeat(random.below(40)))
}

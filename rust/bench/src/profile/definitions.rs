//! The definitions of the profiles, and what their executions are started with.

use serde_json::{Value, json};

use super::{Profile, WAITING_S, WAITING_TIMEOUT_S};

impl Profile {
    /// The workflow definitions of a run under this name, those that others need first; the last one is started.
    pub fn definitions(self, name: &str) -> Vec<Value> {
        let child = format!("{name}_child");
        let tasks = match self {
            Self::IdlePolls(_) => return Vec::new(),
            Self::Exec | Self::Overload | Self::Payload(_) => vec![simple(name, "t1")],
            Self::Chain(tasks) => (1..=tasks).map(|n| simple(name, &format!("t{n}"))).collect(),
            Self::Fork(width) => fork(name, width),
            Self::Dynamic(_) => dynamic_fork(),
            Self::Loop(iterations) => vec![do_while(name, iterations)],
            Self::Sub => vec![sub_workflow(&child)],
            Self::Timers(seconds) => vec![wait(u64::from(seconds)), simple(name, "t1")],
            Self::Parked(_) => vec![wait(WAITING_S)],
        };
        let own = workflow(name, self.timeout_s(), &Value::from(tasks));
        if self == Self::Sub {
            vec![workflow(&child, 0, &json!([simple(name, "t1")])), own]
        } else {
            vec![own]
        }
    }

    /// The input of every execution of the definition of this name.
    pub fn input(self, name: &str, payload: &str) -> Value {
        match self {
            Self::Exec
            | Self::Overload
            | Self::Payload(_)
            | Self::Chain(_)
            | Self::Fork(_)
            | Self::Loop(_)
            | Self::Sub
            | Self::Timers(_) => json!({ "payload": payload }),
            Self::Parked(_) | Self::IdlePolls(_) => json!({}),
            Self::Dynamic(width) => {
                let children: Vec<_> = (1..=width).map(|n| simple(name, &format!("t{n}"))).collect();
                let inputs: serde_json::Map<_, _> =
                    (1..=width).map(|n| (format!("t{n}"), json!({}))).collect();
                json!({ "payload": payload, "children": children, "inputs": inputs })
            }
        }
    }

    /// The time limit of an execution; zero is none.
    fn timeout_s(self) -> u64 {
        if matches!(self, Self::Parked(_)) { WAITING_TIMEOUT_S } else { 0 }
    }
}

/// The definition of the task type every profile uses: no retry, no time limit that could strike in a run.
pub fn task_definition(name: &str) -> Value {
    json!({
        "name": name, "retryCount": 0, "timeoutSeconds": 0, "responseTimeoutSeconds": 3600,
        "ownerEmail": "bench@example.com",
    })
}

fn simple(name: &str, reference: &str) -> Value {
    json!({
        "name": name, "taskReferenceName": reference, "type": "SIMPLE",
        "inputParameters": { "payload": "${workflow.input.payload}" },
    })
}

fn fork(name: &str, width: usize) -> Vec<Value> {
    let references: Vec<_> = (1..=width).map(|n| format!("t{n}")).collect();
    let branches: Vec<_> = references.iter().map(|reference| json!([simple(name, reference)])).collect();
    vec![
        json!({ "name": "fork", "taskReferenceName": "fork", "type": "FORK_JOIN", "forkTasks": branches }),
        json!({ "name": "join", "taskReferenceName": "join", "type": "JOIN", "joinOn": references }),
    ]
}

fn dynamic_fork() -> Vec<Value> {
    vec![
        json!({
            "name": "fork", "taskReferenceName": "fork", "type": "FORK_JOIN_DYNAMIC",
            "dynamicForkTasksParam": "children", "dynamicForkTasksInputParamName": "inputs",
            "inputParameters": { "children": "${workflow.input.children}", "inputs": "${workflow.input.inputs}" },
        }),
        json!({ "name": "join", "taskReferenceName": "join", "type": "JOIN" }),
    ]
}

fn do_while(name: &str, iterations: usize) -> Value {
    json!({
        "name": "loop", "taskReferenceName": "loop", "type": "DO_WHILE",
        "loopCondition": format!("if ($.loop['iteration'] < {iterations}) {{ true; }} else {{ false; }}"),
        "loopOver": [simple(name, "t1")],
    })
}

fn workflow(name: &str, timeout_s: u64, tasks: &Value) -> Value {
    let policy = if timeout_s > 0 { "TIME_OUT_WF" } else { "ALERT_ONLY" };
    json!({
        "name": name, "version": 1, "schemaVersion": 2, "ownerEmail": "bench@example.com",
        "timeoutPolicy": policy, "timeoutSeconds": timeout_s, "tasks": tasks,
    })
}

fn sub_workflow(child: &str) -> Value {
    json!({
        "name": "sub", "taskReferenceName": "sub", "type": "SUB_WORKFLOW",
        "subWorkflowParam": { "name": child, "version": 1 },
        "inputParameters": { "payload": "${workflow.input.payload}" },
    })
}

fn wait(seconds: u64) -> Value {
    json!({
        "name": "wait", "taskReferenceName": "wait", "type": "WAIT",
        "inputParameters": { "duration": format!("{seconds} seconds") },
    })
}

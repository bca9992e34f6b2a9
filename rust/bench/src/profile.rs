//! What is run: the shape of one execution, its definition and the body that starts it.

use std::str::FromStr;

use serde_json::{Value, json};

#[cfg(test)]
mod tests;

/// Tasks of one execution at most; definitions and inputs of that size are made in memory.
pub const TASKS_MAX: usize = 10_000;

/// The shape of one execution; every task is a SIMPLE task of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// One task.
    Exec,
    /// This many tasks, one after the other.
    Chain(usize),
    /// `FORK_JOIN` with this many branches of one task.
    Fork(usize),
    /// `FORK_JOIN_DYNAMIC` with this many children, given in the input.
    Dynamic(usize),
    /// `DO_WHILE` with this many iterations of one task.
    Loop(usize),
}

impl Profile {
    /// Tasks that workers complete for one execution.
    pub fn tasks(self) -> usize {
        match self {
            Self::Exec => 1,
            Self::Chain(tasks) | Self::Fork(tasks) | Self::Dynamic(tasks) | Self::Loop(tasks) => tasks,
        }
    }

    /// Executions to keep unfinished so that this many workers have work, and not much more.
    pub fn inflight_for(self, workers: usize) -> usize {
        match self {
            Self::Exec | Self::Chain(_) | Self::Loop(_) => 2 * workers,
            Self::Fork(width) | Self::Dynamic(width) => (2 * workers).div_ceil(width).max(2),
        }
    }

    /// Tasks to ask for in one poll: `exec` is by its definition unbatched.
    pub fn batch(self) -> usize {
        match self {
            Self::Exec => 1,
            Self::Chain(_) | Self::Fork(_) | Self::Dynamic(_) | Self::Loop(_) => 10,
        }
    }

    /// Whether a result is reported by update-v2, which hands out the next task with the answer.
    pub fn updates_with_next(self) -> bool {
        match self {
            Self::Exec => false,
            Self::Chain(_) | Self::Fork(_) | Self::Dynamic(_) | Self::Loop(_) => true,
        }
    }

    /// The workflow definition under this name, its tasks of the type of the same name.
    pub fn definition(self, name: &str) -> Value {
        let tasks = match self {
            Self::Exec => vec![simple(name, "t1")],
            Self::Chain(tasks) => (1..=tasks).map(|n| simple(name, &format!("t{n}"))).collect(),
            Self::Fork(width) => fork(name, width),
            Self::Dynamic(_) => dynamic_fork(),
            Self::Loop(iterations) => vec![do_while(name, iterations)],
        };
        json!({
            "name": name, "version": 1, "schemaVersion": 2, "ownerEmail": "bench@example.com",
            "timeoutPolicy": "ALERT_ONLY", "timeoutSeconds": 0, "tasks": tasks,
        })
    }

    /// The input of every execution of the definition of this name.
    pub fn input(self, name: &str, payload: &str) -> Value {
        match self {
            Self::Exec | Self::Chain(_) | Self::Fork(_) | Self::Loop(_) => json!({ "payload": payload }),
            Self::Dynamic(width) => {
                let children: Vec<_> = (1..=width).map(|n| simple(name, &format!("t{n}"))).collect();
                let inputs: serde_json::Map<_, _> =
                    (1..=width).map(|n| (format!("t{n}"), json!({}))).collect();
                json!({ "payload": payload, "children": children, "inputs": inputs })
            }
        }
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

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exec => f.write_str("exec"),
            Self::Chain(tasks) => write!(f, "chain:{tasks}"),
            Self::Fork(width) => write!(f, "fork:{width}"),
            Self::Dynamic(width) => write!(f, "dyn:{width}"),
            Self::Loop(iterations) => write!(f, "loop:{iterations}"),
        }
    }
}

impl FromStr for Profile {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANT: &str =
            "want exec, or chain, fork, dyn, loop with a size from 1 to 10000: fork10, fork:10, fork10k";
        if text == "exec" {
            return Ok(Self::Exec);
        }
        let at = text.find(|c: char| !c.is_ascii_lowercase()).ok_or(WANT)?;
        let (kind, size) = (&text[..at], text[at..].trim_start_matches(':'));
        let size = match size.strip_suffix('k') {
            Some(thousands) => thousands.parse().ok().and_then(|n: usize| n.checked_mul(1_000)),
            None => size.parse().ok(),
        };
        let size = size.filter(|size| (1..=TASKS_MAX).contains(size)).ok_or(WANT)?;
        match kind {
            "chain" => Ok(Self::Chain(size)),
            "fork" => Ok(Self::Fork(size)),
            "dyn" => Ok(Self::Dynamic(size)),
            "loop" => Ok(Self::Loop(size)),
            _ => Err(WANT),
        }
    }
}

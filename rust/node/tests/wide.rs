//! Large executions cost what their tasks cost: records and bytes per task do not grow with their number (G19).

mod client;

use client::{Taken, define, done, machine, poll, report, shown, simple, start};
use fastcond_node::machine::Machine;

/// What deciding cost, and for how many tasks.
#[derive(Clone, Copy, Debug)]
struct Cost {
    tasks: u64,
    commits: u64,
    bytes: u64,
}

impl Cost {
    fn of(machine: &Machine, tasks: usize) -> Self {
        let tasks = u64::try_from(tasks).expect("a small number");
        Self { tasks, commits: machine.stats.commits, bytes: machine.stats.journal_bytes }
    }

    /// The larger execution is at most a third dearer per task than the smaller one.
    fn assert_flat(self, small: Self) {
        let is_flat = |large: u64, small_one: u64| 3 * large * small.tasks <= 4 * small_one * self.tasks;
        assert!(
            is_flat(self.commits, small.commits) && is_flat(self.bytes, small.bytes),
            "{self:?}, and small {small:?}"
        );
    }
}

fn settle(machine: &mut Machine) {
    while machine.next_wake().is_some_and(|at| at <= machine.now_ms) {
        machine.tick();
    }
    machine.take_output();
}

fn finish(machine: &mut Machine, tasks: Vec<Taken>) {
    for task in tasks {
        report(machine, &task, "COMPLETED");
        settle(machine);
    }
}

fn status(machine: &mut Machine, id: &str) -> String {
    let reply = done(machine, "workflow.status", &[("workflowId", id)], "");
    let value: serde_json::Value = serde_json::from_str(&reply).expect("JSON");
    value["status"].as_str().expect("a status").to_owned()
}

fn dynamic_fork(width: usize) -> Cost {
    let mut machine = machine();
    let steps = r#"{"name":"f","taskReferenceName":"f","type":"FORK_JOIN_DYNAMIC","dynamicForkTasksParam":"tasks","dynamicForkTasksInputParamName":"inputs","inputParameters":{"tasks":"${workflow.input.tasks}","inputs":{}}},{"name":"j","taskReferenceName":"j","type":"JOIN"}"#;
    define(&mut machine, "wide", steps);
    let tasks: Vec<String> = (0..width).map(|at| simple("t", &format!("b{at}"))).collect();
    let id = start(&mut machine, "wide", &format!(r#"{{"tasks":[{}]}}"#, tasks.join(",")));
    settle(&mut machine);
    let mut handed_out = 0;
    while handed_out < width {
        let tasks = poll(&mut machine, "t", 500);
        assert!(!tasks.is_empty(), "{handed_out} of {width} branches were scheduled");
        handed_out += tasks.len();
        finish(&mut machine, tasks);
    }
    assert_eq!(status(&mut machine, &id), "COMPLETED");
    Cost::of(&machine, width)
}

#[test]
fn a_dynamic_fork_of_ten_thousand_costs_per_branch_what_one_of_a_hundred_does() {
    let small = dynamic_fork(100);
    assert!(small.commits < 4 * small.tasks, "a branch is scheduled, handed out, completed: {small:?}");
    dynamic_fork(10_000).assert_flat(small);
}

fn run_loop(iterations: usize) -> Cost {
    let mut machine = machine();
    let step = format!(
        r#"{{"name":"l","taskReferenceName":"l","type":"DO_WHILE","inputParameters":{{"keepLastN":2}},"loopCondition":"$.l.iteration < {iterations}","loopOver":[{}]}}"#,
        simple("t", "a")
    );
    define(&mut machine, "loop", &step);
    let id = start(&mut machine, "loop", "{}");
    for _ in 0..iterations {
        settle(&mut machine);
        let tasks = poll(&mut machine, "t", 5);
        assert_eq!(tasks.len(), 1, "one iteration at a time");
        finish(&mut machine, tasks);
    }
    assert_eq!(status(&mut machine, &id), "COMPLETED");
    assert_eq!(shown(&mut machine, &id)["tasks"][0]["iteration"], iterations);
    Cost::of(&machine, iterations)
}

#[test]
fn a_loop_of_ten_thousand_iterations_costs_per_iteration_what_one_of_a_hundred_does() {
    run_loop(10_000).assert_flat(run_loop(100));
}

fn chain(length: usize) -> Cost {
    let mut machine = machine();
    let steps: Vec<String> = (0..length).map(|at| simple("t", &format!("s{at}"))).collect();
    define(&mut machine, "chain", &steps.join(","));
    let snapshot = machine.stats.journal_bytes;
    assert_eq!(snapshot, 0, "only commits are counted");
    let id = start(&mut machine, "chain", "{}");
    for _ in 0..length {
        let tasks = poll(&mut machine, "t", 5);
        finish(&mut machine, tasks);
    }
    assert_eq!(status(&mut machine, &id), "COMPLETED");
    Cost::of(&machine, length)
}

#[test]
fn a_chain_of_two_thousand_costs_per_step_what_one_of_a_hundred_does() {
    chain(2_000).assert_flat(chain(100));
}

fn children(width: usize) -> Cost {
    let mut machine = machine();
    define(&mut machine, "w", r#"{"name":"n","taskReferenceName":"n","type":"NOOP"}"#);
    let steps = r#"{"name":"f","taskReferenceName":"f","type":"FORK_JOIN_DYNAMIC","inputParameters":{"forkTaskWorkflow":"w","forkTaskInputs":"${workflow.input.items}"}},{"name":"j","taskReferenceName":"j","type":"JOIN"}"#;
    define(&mut machine, "wide", steps);
    let items = vec!["{}"; width].join(",");
    let id = start(&mut machine, "wide", &format!(r#"{{"items":[{items}]}}"#));
    settle(&mut machine);
    assert_eq!(status(&mut machine, &id), "COMPLETED");
    Cost::of(&machine, width)
}

#[test]
fn ten_thousand_children_cost_each_what_one_of_a_hundred_does() {
    children(10_000).assert_flat(children(100));
}

//! Limits of size (quality H10 to H14): what is too much is refused or fails with a clear reason, what is allowed
//! completes, and none of it holds the others up for long (G19).

mod client;

use client::{ask, define, done, machine, poll, report, shown, simple, start, workflow_def};
use fastcond_engine::step::{BUDGET, ITERATIONS_MAX, TASKS_MAX};
use fastcond_engine::validate::STEPS_MAX;
use fastcond_node::machine::Machine;
use fastcond_node::machine::deliver;
use serde_json::Value;

/// Turns a test lets a machine make; more is a loop that never rests.
const TURNS_MAX: usize = 100_000;

/// What the largest turn of a machine committed.
#[derive(Debug, Default)]
struct Turns {
    count: usize,
    bytes_max: u64,
}

/// Lets everything happen that is due now.
fn settle(machine: &mut Machine) -> Turns {
    let mut turns = Turns::default();
    while machine.next_wake().is_some_and(|at| at <= machine.now_ms) {
        let before = machine.stats.journal_bytes;
        machine.tick();
        machine.take_output();
        turns.count += 1;
        turns.bytes_max = turns.bytes_max.max(machine.stats.journal_bytes - before);
        assert!(turns.count < TURNS_MAX, "it comes to rest");
    }
    turns
}

/// Completes every task that can be had, and says how many those were.
fn complete_all(machine: &mut Machine) -> usize {
    let mut count = 0;
    loop {
        let tasks = poll(machine, "t", 1_000);
        if tasks.is_empty() {
            return count;
        }
        count += tasks.len();
        for task in tasks {
            report(machine, &task, "COMPLETED");
        }
    }
}

/// Status and reason of an execution, without reading its tasks.
fn end(machine: &mut Machine, id: &str) -> (String, String) {
    let params = [("workflowId", id), ("includeTasks", "false")];
    let value: Value = serde_json::from_str(&done(machine, "workflow.get", &params, "")).expect("JSON");
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reasonForIncompletion"))
}

fn assert_completed(machine: &mut Machine, id: &str) {
    assert_eq!(end(machine, id), ("COMPLETED".to_owned(), String::new()));
}

/// A definition `wide` that forks into one task per item of its input.
fn define_fork(machine: &mut Machine, task_type: &str) {
    let steps = format!(
        r#"{{"name":"f","taskReferenceName":"f","type":"FORK_JOIN_DYNAMIC","inputParameters":{{"forkTaskName":"t","forkTaskType":"{task_type}","forkTaskInputs":"${{workflow.input.items}}"}}}},
        {{"name":"j","taskReferenceName":"j","type":"JOIN"}}"#
    );
    define(machine, "wide", &steps);
}

fn start_fork(machine: &mut Machine, width: usize) -> String {
    start(machine, "wide", &format!(r#"{{"items":[{}]}}"#, vec!["1"; width].join(",")))
}

/// A loop over one NOOP.
fn noop_loop(condition: &str) -> String {
    format!(
        r#"{{"name":"l","taskReferenceName":"l","type":"DO_WHILE","inputParameters":{{"keepLastN":1}},"loopCondition":"{condition}","loopOver":[{{"name":"n","taskReferenceName":"n","type":"NOOP"}}]}}"#
    )
}

/// How a definition is refused.
fn refusal(machine: &mut Machine, steps: &str) -> String {
    let reply = ask(machine, "workflowdefs.update", &[], &format!("[{}]", workflow_def("w", "", steps)));
    assert_eq!(reply.status, 400);
    String::from_utf8(reply.body).expect("answers are text")
}

/// Netflix 1767 and 807: a fork of thousands pinned the CPU and kept the server from starting.
#[test]
fn wide_fork_keeps_server_alive() {
    let mut machine = machine();
    define_fork(&mut machine, "NOOP");
    let id = start_fork(&mut machine, 100_000);
    let turns = settle(&mut machine);
    assert!(turns.count >= 100_000 / BUDGET as usize, "one turn does not make the whole fork: {turns:?}");
    assert_completed(&mut machine, &id);
}

#[test]
fn a_wide_fork_is_made_in_turns_that_do_not_grow_with_it() {
    let mut machine = machine();
    define_fork(&mut machine, "SIMPLE");
    let id = start_fork(&mut machine, 20_000);
    let first = machine.queues.len();
    assert!(first <= BUDGET as usize, "{first} tasks were made before anybody else had a turn");
    // A branch may be done before the others are made.
    let task = poll(&mut machine, "t", 1).pop().expect("a branch");
    report(&mut machine, &task, "COMPLETED");
    settle(&mut machine);
    assert_eq!(machine.queues.len(), 19_999);
    let seen = 1 + complete_all(&mut machine);
    settle(&mut machine);
    assert_eq!(seen, 20_000);
    assert_completed(&mut machine, &id);
    let tasks = shown(&mut machine, &id)["tasks"].as_array().expect("a list").clone();
    let names: Vec<&str> = tasks.iter().map(|t| t["referenceTaskName"].as_str().expect("a name")).collect();
    assert_eq!(names.len(), 20_002);
    assert_eq!((names[0], names[1], names[20_000], names[20_001]), ("f", "_t_0", "_t_19999", "j"));
}

#[test]
fn operators_may_stop_a_wide_fork_while_it_is_made_and_go_on_with_it() {
    for act in ["workflow.pause", "workflow.terminate"] {
        let mut machine = machine();
        define_fork(&mut machine, "SIMPLE");
        let id = start_fork(&mut machine, 5_000);
        let by_id = [("workflowId", &*id)];
        done(&mut machine, act, &by_id, "");
        settle(&mut machine);
        let made = shown(&mut machine, &id)["tasks"].as_array().expect("a list").len();
        assert!(made < 5_000, "{act}: {made}");
        done(
            &mut machine,
            if act == "workflow.pause" { "workflow.resume" } else { "workflow.retry" },
            &by_id,
            "",
        );
        settle(&mut machine);
        let seen = complete_all(&mut machine);
        settle(&mut machine);
        assert_eq!(seen, 5_000, "{act}");
        assert_completed(&mut machine, &id);
    }
}

#[test]
fn a_fork_beyond_the_tasks_of_an_execution_fails_and_says_so() {
    let mut machine = machine();
    define_fork(&mut machine, "SIMPLE");
    let id = start_fork(&mut machine, TASKS_MAX + 1);
    settle(&mut machine);
    let (status, reason) = end(&mut machine, &id);
    assert_eq!(status, "FAILED");
    assert!(reason.contains(&format!("{TASKS_MAX} tasks that are allowed")), "{reason}");
    assert_eq!(shown(&mut machine, &id)["tasks"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_loop_without_end_fails_and_says_so() {
    let mut machine = machine();
    define(&mut machine, "endless", &noop_loop("true"));
    let id = start(&mut machine, "endless", "{}");
    let turns = settle(&mut machine);
    assert!(turns.bytes_max < 1 << 20, "turns do not grow with the iterations: {turns:?}");
    assert_eq!(shown(&mut machine, &id)["tasks"][0]["iteration"], ITERATIONS_MAX, "all that are allowed ran");
    let (status, reason) = end(&mut machine, &id);
    assert_eq!(status, "FAILED");
    assert!(reason.contains(&format!("{ITERATIONS_MAX} iterations, the most that are allowed")), "{reason}");
}

#[test]
fn a_loop_of_forks_ends_with_the_tasks_of_an_execution() {
    let mut machine = machine();
    let fork = r#"{"name":"f","taskReferenceName":"f","type":"FORK_JOIN_DYNAMIC","inputParameters":{"forkTaskName":"n","forkTaskType":"NOOP","forkTaskInputs":"${workflow.input.items}"}},{"name":"j","taskReferenceName":"j","type":"JOIN"}"#;
    let steps = format!(
        r#"{{"name":"o","taskReferenceName":"o","type":"DO_WHILE","loopCondition":"true","loopOver":[{fork}]}}"#
    );
    define(&mut machine, "product", &steps);
    let id = start(&mut machine, "product", &format!(r#"{{"items":[{}]}}"#, vec!["1"; 2_500].join(",")));
    settle(&mut machine);
    let (status, reason) = end(&mut machine, &id);
    assert_eq!(status, "FAILED");
    assert!(reason.contains(&format!("{TASKS_MAX} tasks")), "{reason}");
}

/// The deepest child, and how many stand in one another.
fn depth(machine: &mut Machine, top: &str) -> usize {
    let (mut at, mut depth) = (top.to_owned(), 1);
    while let Some(child) = shown(machine, &at)["tasks"][0]["subWorkflowId"].as_str() {
        if ask(machine, "workflow.get", &[("workflowId", child)], "").status != 200 {
            break;
        }
        (at, depth) = (child.to_owned(), depth + 1);
    }
    depth
}

/// Conductor-oss 799 and 822: stacks overflowed in deep loops and deep sub-workflows.
#[test]
fn depth_does_not_overflow() {
    let mut machine = machine();
    let itself = r#"{"name":"s","taskReferenceName":"s","type":"SUB_WORKFLOW","subWorkflowParam":{"name":"itself","version":1}}"#;
    define(&mut machine, "itself", itself);
    let id = start(&mut machine, "itself", "{}");
    settle(&mut machine);
    let (status, reason) = end(&mut machine, &id);
    assert_eq!(status, "FAILED");
    assert!(reason.contains("Sub workflow itself"), "{reason}");
    assert_eq!(depth(&mut machine, &id), deliver::NESTING_MAX);
}

#[test]
fn sub_workflows_may_stand_as_deep_as_is_allowed() {
    let mut machine = machine();
    define(&mut machine, "d1", &simple("t", "t"));
    for level in 2..=deliver::NESTING_MAX {
        let below = level - 1;
        define(
            &mut machine,
            &format!("d{level}"),
            &format!(
                r#"{{"name":"s","taskReferenceName":"s","type":"SUB_WORKFLOW","subWorkflowParam":{{"name":"d{below}","version":1}}}}"#
            ),
        );
    }
    let id = start(&mut machine, &format!("d{}", deliver::NESTING_MAX), "{}");
    settle(&mut machine);
    let task = poll(&mut machine, "t", 1).pop().expect("the task at the bottom");
    report(&mut machine, &task, "COMPLETED");
    settle(&mut machine);
    assert_completed(&mut machine, &id);
}

#[test]
fn a_definition_of_ten_thousand_tasks_completes_and_one_of_a_hundred_thousand_is_refused() {
    let mut machine = machine();
    let noops = |count: usize| {
        let steps =
            (0..count).map(|at| format!(r#"{{"name":"n","taskReferenceName":"n{at}","type":"NOOP"}}"#));
        steps.collect::<Vec<_>>().join(",")
    };
    define(&mut machine, "long", &noops(10_000));
    let id = start(&mut machine, "long", "{}");
    settle(&mut machine);
    assert_completed(&mut machine, &id);
    let text = refusal(&mut machine, &noops(100_000));
    assert!(text.contains(&format!("at most {STEPS_MAX} tasks")), "{text}");
}

/// A fork in a fork, and so on, around one task.
fn nested_forks(depth: usize) -> String {
    (0..depth).fold(simple("t", "t"), |inner, at| {
        let last = if at == 0 { "t".to_owned() } else { format!("j{}", at - 1) };
        format!(
            r#"{{"name":"f","taskReferenceName":"f{at}","type":"FORK_JOIN","forkTasks":[[{inner}]]}},{{"name":"j","taskReferenceName":"j{at}","type":"JOIN","joinOn":["{last}"]}}"#
        )
    })
}

#[test]
fn forks_nested_forty_deep_complete_and_fifty_deep_are_refused() {
    let mut machine = machine();
    define(&mut machine, "deep", &nested_forks(40));
    let id = start(&mut machine, "deep", "{}");
    let task = poll(&mut machine, "t", 1).pop().expect("the task in the middle");
    report(&mut machine, &task, "COMPLETED");
    settle(&mut machine);
    assert_completed(&mut machine, &id);
    // A fork is three levels of JSON, of which a body may have 128.
    let text = refusal(&mut machine, &nested_forks(50));
    assert!(text.contains("nested too deeply"), "{text}");
}

#[test]
fn names_of_a_megabyte_are_refused_and_not_repeated() {
    let mut machine = machine();
    let long = "x".repeat(1 << 20);
    for steps in [simple(&long, "t"), simple("t", &long)] {
        let text = refusal(&mut machine, &steps);
        assert!(text.contains("more than the 255 that are allowed") && text.len() < 4_096, "{}", text.len());
    }
    let task = format!(r#"[{{"name":"{long}","ownerEmail":"a@b.c"}}]"#);
    let reply = ask(&mut machine, "taskdefs.create", &[], &task);
    assert_eq!(reply.status, 400);
    define_fork_of_tasks(&mut machine);
    let id = start(&mut machine, "listed", &format!(r#"{{"tasks":[{}]}}"#, simple(&long, "a")));
    settle(&mut machine);
    let (status, reason) = end(&mut machine, &id);
    assert_eq!(status, "FAILED");
    assert!(reason.contains("more than the 255 that are allowed"), "{reason}");
}

fn define_fork_of_tasks(machine: &mut Machine) {
    let steps = r#"{"name":"f","taskReferenceName":"f","type":"FORK_JOIN_DYNAMIC","dynamicForkTasksParam":"tasks","dynamicForkTasksInputParamName":"inputs","inputParameters":{"tasks":"${workflow.input.tasks}","inputs":{}}},{"name":"j","taskReferenceName":"j","type":"JOIN"}"#;
    define(machine, "listed", steps);
}

/// Input of the only task of a workflow with these input parameters.
fn only_input(machine: &mut Machine, parameters: &str, input: &str) -> Value {
    let step = format!(r#"{{"name":"t","taskReferenceName":"t","inputParameters":{parameters}}}"#);
    define(machine, "one", &step);
    let id = start(machine, "one", input);
    settle(machine);
    shown(machine, &id)["tasks"][0].clone()
}

#[test]
fn references_in_a_circle_and_in_one_another_come_to_an_end() {
    let mut machine = machine();
    let circle = r#"{"name":"a","taskReferenceName":"a","type":"NOOP"},
        {"name":"b","taskReferenceName":"b","inputParameters":{"x":"${c.input.x}","own":"${b.input.own}"}},
        {"name":"c","taskReferenceName":"c","inputParameters":{"x":"${b.input.x}"}}"#;
    define(&mut machine, "circle", circle);
    let id = start(&mut machine, "circle", "{}");
    settle(&mut machine);
    let input = shown(&mut machine, &id)["tasks"][1]["inputData"].clone();
    assert_eq!(input, serde_json::json!({"x": null, "own": null}));
    // A text that holds a reference to itself is a value, not a template.
    let task = only_input(&mut machine, r#"{"x":"${workflow.input.x}"}"#, r#"{"x":"${workflow.input.x}"}"#);
    assert_eq!(task["inputData"]["x"], "${workflow.input.x}");
    let deep = format!("{}workflow.input.k{}", "${".repeat(1_000), "}".repeat(1_000));
    let task = only_input(&mut machine, &format!(r#"{{"x":"${{workflow.input.y}}{deep}"}}"#), "{}");
    assert_eq!(task["status"], "FAILED_WITH_TERMINAL_ERROR", "{}", task["reasonForIncompletion"]);
}

#[test]
fn references_that_double_a_text_again_and_again_end_at_a_limit() {
    // Each step holds what the one before holds, twice: 2^40 bytes unless somebody counts.
    let mut machine = machine();
    let steps: Vec<String> = (0..40)
        .map(|at| {
            let before = if at == 0 { "workflow.input.x".to_owned() } else { format!("s{}.output.x", at - 1) };
            format!(
                r#"{{"name":"s","taskReferenceName":"s{at}","type":"INLINE","inputParameters":{{"evaluatorType":"javascript","expression":"1","x":"${{{before}}}${{{before}}}"}}}}"#
            )
            .replace(".output.x", ".input.x")
        })
        .collect();
    define(&mut machine, "doubling", &steps.join(","));
    let id = start(&mut machine, "doubling", r#"{"x":"0123456789"}"#);
    settle(&mut machine);
    let (status, reason) = end(&mut machine, &id);
    assert_eq!(status, "FAILED");
    assert!(
        reason.contains("10485760") || reason.contains("too large") || reason.contains("larger"),
        "{reason}"
    );
}

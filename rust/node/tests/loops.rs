//! Loops in loops (S-28.17): the oracle does not know them, so they are not in the transcripts.

mod client;

use client::{define, machine, shown, start};
use fastcond_node::machine::Machine;

fn references(machine: &mut Machine, id: &str) -> Vec<String> {
    let tasks = shown(machine, id)["tasks"].as_array().expect("a list").clone();
    tasks.iter().map(|t| t["referenceTaskName"].as_str().expect("a name").to_owned()).collect()
}

fn nested(machine: &mut Machine, outer_members: &str) -> String {
    let inner = r#"{"name":"i","taskReferenceName":"i","type":"DO_WHILE","loopCondition":"$.i.iteration < 2",
        "loopOver":[{"name":"n","taskReferenceName":"n","type":"NOOP"}]}"#;
    let outer = format!(
        r#"{{"name":"o","taskReferenceName":"o","type":"DO_WHILE","loopCondition":"$.o.iteration < 3",
        {outer_members}"loopOver":[{inner}]}},{{"name":"h","taskReferenceName":"h","type":"HUMAN"}}"#
    );
    define(machine, "nested", &outer);
    start(machine, "nested", "{}")
}

#[test]
fn a_loop_in_a_loop_counts_from_one_each_time() {
    let mut machine = machine();
    let id = nested(&mut machine, "");
    let mut expected = vec!["o".to_owned()];
    for outer in 1..=3 {
        expected.push(format!("i__{outer}"));
        expected.extend((1..=2).map(|inner| format!("n__{outer}__{inner}")));
    }
    expected.push("h".to_owned());
    assert_eq!(references(&mut machine, &id), expected);
}

/// S-28.12.
#[test]
fn with_an_iteration_that_is_not_kept_goes_what_its_loops_made() {
    let mut machine = machine();
    let id = nested(&mut machine, r#""inputParameters":{"keepLastN":1},"#);
    assert_eq!(references(&mut machine, &id), ["o", "i__3", "n__3__1", "n__3__2", "h"]);
}

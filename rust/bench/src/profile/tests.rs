use serde_json::{Value, json};

use super::*;

const ALL: [Profile; 11] = [
    Profile::Exec,
    Profile::Overload,
    Profile::Payload(100),
    Profile::Chain(3),
    Profile::Fork(4),
    Profile::Dynamic(5),
    Profile::Loop(6),
    Profile::Sub,
    Profile::Timers(7),
    Profile::Parked(8),
    Profile::IdlePolls(9),
];

/// The definition that is started.
fn started(profile: Profile) -> Value {
    profile.definitions("bench").pop().unwrap()
}

#[test]
fn names_are_read_back() {
    for profile in ALL {
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
    assert_eq!("fork:10000".parse(), Ok(Profile::Fork(10_000)));
    assert_eq!("fork10k".parse(), Ok(Profile::Fork(10_000)));
    assert_eq!("chain13".parse(), Ok(Profile::Chain(13)));
    assert_eq!("parked1m".parse(), Ok(Profile::Parked(1_000_000)));
    assert_eq!("payload100k".parse(), Ok(Profile::Payload(100_000)));
    assert_eq!("timers10".parse(), Ok(Profile::Timers(10)));
    assert_eq!("idlepolls10k".parse(), Ok(Profile::IdlePolls(10_000)));
}

#[test]
fn other_names_are_refused() {
    for text in [
        "",
        "exec:1",
        "chain",
        "chain:",
        "chain:0",
        "chain:10001",
        "fork11k",
        "chain-1",
        "chaink",
        "fork:x",
        "tree:2",
        "Exec",
        "sub:1",
        "overload2",
        "parked",
        "parked21m",
        "timers3601",
        "timers0",
        "payload5m",
        "idlepolls61k",
        "parked99999999999999999999m",
        "forkm",
    ] {
        assert!(text.parse::<Profile>().is_err(), "{text}");
    }
}

#[test]
fn references_of_a_definition_are_unique() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Object(fields) => {
                found.extend(fields.get("taskReferenceName").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|item| references(item, found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    // The child of `sub` has a definition and names of its own.
    for profile in ALL.into_iter().filter(|profile| *profile != Profile::Sub) {
        let mut found = Vec::new();
        for definition in profile.definitions("bench") {
            references(&definition, &mut found);
        }
        let count = found.len();
        found.sort();
        found.dedup();
        assert_eq!(found.len(), count, "{profile}");
    }
}

#[test]
fn the_join_waits_for_every_branch() {
    let definition = started(Profile::Fork(4));
    assert_eq!(definition["tasks"][0]["forkTasks"].as_array().unwrap().len(), 4);
    assert_eq!(definition["tasks"][1]["joinOn"], json!(["t1", "t2", "t3", "t4"]));
}

/// S-24.8: the children come in one input, their own inputs by reference name in another.
#[test]
fn dynamic_children_come_in_the_input() {
    let input = Profile::Dynamic(3).input("bench", "xy");
    assert_eq!(input["children"].as_array().unwrap().len(), 3);
    assert_eq!(input["children"][2]["taskReferenceName"], "t3");
    assert_eq!(input["inputs"].as_object().unwrap().len(), 3);
    assert_eq!(input["payload"], "xy");
}

#[test]
fn the_loop_condition_counts() {
    let definition = started(Profile::Loop(7));
    assert_eq!(
        definition["tasks"][0]["loopCondition"],
        "if ($.loop['iteration'] < 7) { true; } else { false; }"
    );
}

#[test]
fn a_child_is_defined_before_its_parent_and_has_the_task_workers_poll() {
    let [child, parent] = Profile::Sub.definitions("bench").try_into().unwrap();
    assert_eq!(parent["tasks"][0]["subWorkflowParam"]["name"], child["name"]);
    assert_eq!((&parent["name"], &child["tasks"][0]["name"]), (&json!("bench"), &json!("bench")));
}

#[test]
fn a_parked_execution_has_two_timers_that_no_run_sees_fire() {
    let definition = started(Profile::Parked(5));
    assert_eq!(definition["timeoutSeconds"], 172_800);
    assert_eq!(definition["timeoutPolicy"], "TIME_OUT_WF");
    assert_eq!(definition["tasks"][0]["inputParameters"]["duration"], "86400 seconds");
    assert_eq!(Profile::Parked(5).input("bench", "xy"), json!({}));
}

#[test]
fn a_timer_stands_before_the_task() {
    let definition = started(Profile::Timers(7));
    assert_eq!(definition["tasks"][0]["inputParameters"]["duration"], "7 seconds");
    assert_eq!(definition["tasks"][1]["type"], "SIMPLE");
    assert_eq!(Profile::Timers(7).timer(), Some(Duration::from_secs(7)));
}

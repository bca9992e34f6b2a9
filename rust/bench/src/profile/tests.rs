use super::*;

const ALL: [Profile; 5] =
    [Profile::Exec, Profile::Chain(3), Profile::Fork(4), Profile::Dynamic(5), Profile::Loop(6)];

#[test]
fn names_are_read_back() {
    for profile in ALL {
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
    assert_eq!("fork:10000".parse(), Ok(Profile::Fork(10_000)));
    assert_eq!("fork10k".parse(), Ok(Profile::Fork(10_000)));
    assert_eq!("chain13".parse(), Ok(Profile::Chain(13)));
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
    for profile in ALL {
        let mut found = Vec::new();
        references(&profile.definition("bench"), &mut found);
        let count = found.len();
        found.sort();
        found.dedup();
        assert_eq!(found.len(), count, "{profile}");
    }
}

#[test]
fn the_join_waits_for_every_branch() {
    let definition = Profile::Fork(4).definition("bench");
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
    let definition = Profile::Loop(7).definition("bench");
    assert_eq!(
        definition["tasks"][0]["loopCondition"],
        "if ($.loop['iteration'] < 7) { true; } else { false; }"
    );
}

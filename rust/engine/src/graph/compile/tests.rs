use super::*;

fn graph(text: &str) -> Graph {
    compile(serde_json::from_str(text).unwrap()).unwrap()
}

fn next_of(graph: &Graph, reference: &str) -> String {
    match graph.node(graph.find(reference).unwrap()).next {
        Next::Node(id) => graph.node(id).reference.to_string(),
        Next::Loop(id) => format!("loop {}", graph.node(id).reference),
        Next::End => "end".to_owned(),
    }
}

#[test]
fn successors_follow_lists_cases_branches_and_loops() {
    // S-6.3 to S-6.7
    let g = graph(
        r#"{"name":"w","tasks":[
        {"name":"a","taskReferenceName":"a"},
        {"name":"s","taskReferenceName":"s","type":"SWITCH","decisionCases":{"x":[{"name":"b","taskReferenceName":"b"},{"name":"c","taskReferenceName":"c"}]}},
        {"name":"f","taskReferenceName":"f","type":"FORK_JOIN","forkTasks":[[{"name":"d","taskReferenceName":"d"}],[{"name":"e","taskReferenceName":"e"}]]},
        {"name":"j","taskReferenceName":"j","type":"JOIN","joinOn":["d","e","nobody"]},
        {"name":"l","taskReferenceName":"l","type":"DO_WHILE","loopCondition":"false","loopOver":[{"name":"g","taskReferenceName":"g"},{"name":"h","taskReferenceName":"h"}]}]}"#,
    );
    for (from, to) in [
        ("a", "s"),
        ("b", "c"),
        ("c", "f"),
        ("s", "f"),
        ("d", "j"),
        ("e", "j"),
        ("j", "l"),
        ("g", "h"),
        ("h", "loop l"),
        ("l", "end"),
    ] {
        assert_eq!(next_of(&g, from), to, "after {from}");
    }
    let join = g.node(g.find("j").unwrap());
    assert_eq!((join.join_on.len(), join.join_unknown), (2, 1));
    assert_eq!(g.node(g.find("d").unwrap()).joined_by, vec![g.find("j").unwrap()]);
    let body = g.node(g.find("l").unwrap());
    assert_eq!(body.body_direct.len(), 2);
    assert_eq!(g.node(g.find("f").unwrap()).join, g.find("j"));
}

#[test]
fn double_reference_names_are_refused() {
    let def =
        serde_json::from_str(r#"{"name":"w","tasks":[{"taskReferenceName":"a"},{"taskReferenceName":"a"}]}"#)
            .unwrap();
    assert_eq!(compile(def).unwrap_err(), CompileError::DuplicateReference("a".into()));
}

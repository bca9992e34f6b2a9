//! A server without the indexes of searches: whatever asks the archive is refused, everything else goes on.

mod client;

use client::{START_MS, ask, define, define_task, poll, report, shown, simple, start};
use fastcond_node::machine::shelf::NoShelf;
use fastcond_node::machine::{Machine, Options, SearchKept};

#[test]
fn lists_of_executions_are_refused_and_say_which_switch_does_it() {
    let options =
        Options { search: SearchKept { executions: false, ..SearchKept::default() }, ..Options::default() };
    let mut machine = Machine::new(options, Box::new(NoShelf), 7, START_MS);
    define_task(&mut machine, "t", "");
    define(&mut machine, "w", &simple("t", "t"));
    let id = start(&mut machine, "w", "{}");
    let lists = [
        ("workflow.search", vec![], ""),
        ("workflow.search_v2", vec![("query", "status = RUNNING")], ""),
        ("workflow.running", vec![("name", "w")], ""),
        ("workflow.correlated", vec![("name", "w"), ("correlationId", "c")], ""),
        ("workflow.correlated_many", vec![("name", "w")], r#"["c"]"#),
    ];
    for (verb, params, body) in lists {
        let reply = ask(&mut machine, verb, &params, body);
        let text = String::from_utf8(reply.body).expect("answers are text");
        assert_eq!(reply.status, 501, "{verb}: {text}");
        assert!(text.contains("--search-index off"), "{verb}: {text}");
    }
    let wrong = [("query", "nonsense =")];
    assert_eq!(ask(&mut machine, "workflow.search", &wrong, "").status, 400, "a wrong query stays wrong");
    let task = poll(&mut machine, "t", 1).pop().expect("a task");
    report(&mut machine, &task, "COMPLETED");
    assert_eq!(shown(&mut machine, &id)["status"], "COMPLETED");
}

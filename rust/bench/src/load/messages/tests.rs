use super::*;
use crate::profile::Profile;

fn messages(config: &RunConfig) -> Messages {
    Messages::new(config, "bench")
}

fn body(make: impl FnOnce(&mut Vec<u8>)) -> (String, Value) {
    let mut bytes = Vec::new();
    make(&mut bytes);
    let request = request::parse(&bytes).unwrap().unwrap();
    assert_eq!(request.consumed, bytes.len());
    let line = String::from_utf8_lossy(&bytes).lines().next().unwrap().to_owned();
    (line, serde_json::from_slice(request.body).unwrap_or(Value::Null))
}

#[test]
fn start_carries_number_and_payload() {
    let config = RunConfig { payload_bytes: 3, ..RunConfig::default() };
    let (line, body) = body(|out| messages(&config).start(out, 17));
    assert_eq!(line, "POST /api/workflow HTTP/1.1");
    assert_eq!(
        body,
        json!({"correlationId": "17", "name": "bench", "version": 1, "input": {"payload": "ppp"}})
    );
}

#[test]
fn starts_and_polls_are_spread_over_the_types() {
    let config = RunConfig { types: 3, ..RunConfig::default() };
    for (execution, want) in [(0, "bench_0"), (2, "bench_2"), (4, "bench_1")] {
        let (_, body) = body(|out| messages(&config).start(out, execution));
        assert_eq!(body["name"], want);
        assert_eq!(body["correlationId"], execution.to_string());
    }
    let (line, _) = body(|out| messages(&config).poll(out, 3, 2));
    assert_eq!(line, "GET /api/tasks/poll/bench_2?workerid=w3 HTTP/1.1");
}

#[test]
fn update_reports_completion() {
    let lease = Lease { task_id: "t".to_owned(), workflow_id: "w".to_owned(), execution: Some(1) };
    let config = RunConfig { payload_bytes: 2, ..RunConfig::default() };
    let (line, exec) = body(|out| messages(&config).update(out, &lease, 4));
    assert_eq!(line, "POST /api/tasks HTTP/1.1");
    let want = json!({
        "workflowInstanceId": "w", "taskId": "t", "workerId": "w4", "status": "COMPLETED",
        "outputData": {"payload": "pp"},
    });
    assert_eq!(exec, want);
    let config = RunConfig { profile: Profile::Chain(2), ..config };
    let (line, chain) = body(|out| messages(&config).update(out, &lease, 4));
    assert_eq!(line, "POST /api/tasks/update-v2 HTTP/1.1");
    assert_eq!(chain, want);
}

#[test]
fn one_task_is_polled_singly_and_more_in_a_batch() {
    let config = RunConfig::default();
    let (line, _) = body(|out| messages(&config).poll(out, 3, 0));
    assert_eq!(line, "GET /api/tasks/poll/bench?workerid=w3 HTTP/1.1");
    // The single poll knows no time limit of the caller's: with one it is a batch of one.
    let config = RunConfig { poll_timeout_ms: Some(2000), ..config };
    let (line, _) = body(|out| messages(&config).poll(out, 3, 0));
    assert_eq!(line, "GET /api/tasks/poll/batch/bench?workerid=w3&count=1&timeout=2000 HTTP/1.1");
    let config = RunConfig { batch: 10, poll_timeout_ms: Some(250), ..config };
    let (line, _) = body(|out| messages(&config).poll(out, 3, 0));
    assert_eq!(line, "GET /api/tasks/poll/batch/bench?workerid=w3&count=10&timeout=250 HTTP/1.1");
}

/// Rest-api 5 #1 and #2: one task, a list, an empty list, or no content.
#[test]
fn tasks_are_read_from_every_kind_of_answer() {
    let task = |id: &str, number: &str| {
        format!(
            r#"{{"inputData":{{"taskId":"no"}},"taskId":"{id}","workflowInstanceId":"w","correlationId":"{number}"}}"#
        )
    };
    let want = |id: &str, execution| Lease { task_id: id.into(), workflow_id: "w".into(), execution };
    assert_eq!(leases(b"").unwrap(), []);
    assert_eq!(leases(b"[]").unwrap(), []);
    assert_eq!(leases(task("a", "5").as_bytes()).unwrap(), [want("a", Some(5))]);
    let list = format!("[{},{}]", task("a", "5"), task("b", "other"));
    assert_eq!(leases(list.as_bytes()).unwrap(), [want("a", Some(5)), want("b", None)]);
    assert!(leases(b"{\"taskId\":1}").is_err());
    assert!(leases(b"ok").is_err());
}

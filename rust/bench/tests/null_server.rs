//! The whole program: the null server started as a process, driven by a run, ended by SIGTERM.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_fastcond-bench");

/// A null server on a port of the kernel's choice, killed if a test fails before it ends.
struct NullServer {
    child: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
}

impl NullServer {
    fn start(directory: &std::path::Path) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["null", "--port", "0", "--log-bytes", "20000000", "--dir"])
            .arg(directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        stdout.read_line(&mut banner).unwrap();
        let url = banner.trim().rsplit(' ').next().unwrap().to_owned();
        Self { child, stdout, url }
    }

    fn run(&self, options: &[&str]) -> Output {
        let pid = self.child.id().to_string();
        Command::new(PROGRAM)
            .args(["run", "--profile", "exec", "--target", "null", "--pid", &pid])
            .args(["--url", &format!("{}/api", self.url)])
            .args(options)
            .output()
            .unwrap()
    }

    /// Sends SIGTERM; gives the exit code and what the server printed after its banner.
    fn terminate(mut self) -> (Option<i32>, Value) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let code = self.child.wait().unwrap().code();
        (code, serde_json::from_str(&rest).unwrap())
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        // Already gone after `terminate`, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_request_of_a_run_is_answered_after_a_sync() {
    let folder = tempfile::tempdir().unwrap();
    let server = NullServer::start(folder.path());
    let json = folder.path().join("report.json");
    let output = server.run(&[
        "--starters",
        "3",
        "--workers",
        "5",
        "--executions",
        "200",
        "--seconds",
        "30",
        "--json",
        json.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!(report["executions"]["count"], 200);
    assert_eq!(report["client"]["requests"], 600);
    assert_eq!(report["conservation"]["holds"], true);
    for wait in ["start", "poll", "update", "start_to_completed"] {
        assert_eq!(report["latency_us"][wait]["count"], 200, "{wait}");
    }
    assert!(report["server"]["cpu_s"].is_number());
    let (code, totals) = server.terminate();
    assert_eq!(code, Some(0));
    assert_eq!(totals["requests"], 600);
    // At least one sync for the requests of each round of connections, at most one for each request.
    let syncs = totals["syncs"].as_u64().unwrap();
    assert!((600 / 8..=600).contains(&syncs), "{syncs} syncs");
}

#[test]
fn large_payloads_go_round_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let server = NullServer::start(folder.path());
    // 30 executions of two bodies of 1,000 KB: three times the size of the log.
    let output =
        server.run(&["--starters", "1", "--workers", "3", "--executions", "30", "--payload", "1000000"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(std::fs::metadata(folder.path().join("null.log")).unwrap().len(), 20_000_000);
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_malformed_request_ends_its_connection_only() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let server = NullServer::start(folder.path());
    let mut bad = std::net::TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    bad.write_all(b"\x01 nonsense\r\n\r\n").unwrap();
    assert_eq!(bad.read(&mut [0; 8]).unwrap(), 0);
    assert!(server.run(&["--executions", "5"]).status.success());
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_server_that_is_not_there_fails_the_run() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    drop(listener);
    let output = Command::new(PROGRAM).args(["run", "--profile", "exec", "--url", &url]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the run failed"));
}

#[test]
fn sync_times_are_reported_and_the_file_removed() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(PROGRAM)
        .args(["fsync", "--seconds", "0.2", "--dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["per_s"].as_f64().unwrap() > 0.0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

use super::*;
use crate::profile::Profile;

fn parsed(line: &str) -> Result<Command, ArgsError> {
    parse(std::iter::once("fastcond-bench").chain(line.split_whitespace()).map(OsString::from))
}

fn run(line: &str) -> RunConfig {
    match parsed(&format!("run --url http://127.0.0.1:1/api {line}")).unwrap() {
        Command::Run(config) => *config,
        other => panic!("not a run: {other:?}"),
    }
}

#[test]
fn run_with_every_option() {
    let config = run(
        "--profile chain:13 --workers 4 --starters 2 --inflight 9 --batch 3 --poll-timeout-ms 7 --payload 100 --seconds 0.5 \
         --executions 7 --drain-seconds 2 --settle-seconds 0 --sample 5 --pid 11 --pid 12 --data-dir d --json out.json",
    );
    assert_eq!(config.profile, Profile::Chain(13));
    assert_eq!((config.workers, config.starters, config.inflight, config.batch), (4, 2, 9, 3));
    assert_eq!((config.payload_bytes, config.executions_max, config.sample_max), (100, Some(7), 5));
    assert_eq!(config.poll_timeout_ms, Some(7));
    assert_eq!(config.start_window, Duration::from_millis(500));
    assert_eq!((config.drain_max, config.settle_max), (Duration::from_secs(2), Duration::ZERO));
    assert_eq!(config.pids, [11, 12]);
    assert_eq!(config.data_directory, Some(PathBuf::from("d")));
    assert_eq!(config.json, Some(PathBuf::from("out.json")));
    assert_eq!(config.url.to_string(), "http://127.0.0.1:1/api");
}

#[test]
fn run_defaults_follow_the_profile() {
    let exec = run("--profile exec");
    assert_eq!((exec.workers, exec.starters, exec.inflight, exec.batch), (64, 32, 128, 1));
    let wide = run("--profile fork:10000");
    assert_eq!((wide.inflight, wide.batch), (2, 10));
    assert_eq!(run("--profile fork:10 --workers 64").inflight, 13);
    assert_eq!(run("--profile loop:1000").inflight, 128);
}

#[test]
fn an_open_loop_has_connections_to_spare() {
    let open = run("--profile exec --rate 2500.5");
    assert_eq!((open.rate, open.starters, open.poll_timeout_ms), (Some(2500.5), 256, None));
    assert_eq!(run("--profile chain3 --rate 10 --starters 7").starters, 7);
}

#[test]
fn profiles_bring_their_own_settings() {
    let parked = run("--profile parked10k");
    assert_eq!((parked.workers, parked.executions_max, parked.inflight), (0, Some(10_000), 10_000));
    assert_eq!(
        (parked.start_window, parked.idle_window),
        (Duration::from_secs(3600), Duration::from_secs(10))
    );
    let idle = run("--profile idlepolls2k --idle-seconds 3");
    assert_eq!((idle.starters, idle.workers, idle.types), (0, 2000, 2000));
    assert_eq!((idle.poll_timeout_ms, idle.batch), (Some(5000), 1));
    assert_eq!(run("--profile idlepolls2k --types 7").types, 7);
    assert_eq!(run("--profile payload100k").payload_bytes, 100_000);
    let timers = run("--profile timers30");
    assert_eq!((timers.inflight, timers.drain_max), (10_000, Duration::from_secs(90)));
    assert_eq!(run("--profile timers30 --drain-seconds 5").drain_max, Duration::from_secs(5));
    let many = run("--profile exec --types 1000");
    assert_eq!((many.types, many.workers, many.inflight), (1000, 1000, 2000));
    assert_eq!(run("--profile exec --types 1000 --workers 8").workers, 8);
}

#[test]
fn null_and_fsync_lines() {
    assert!(matches!(
        parsed("null --port 8099 --dir d").unwrap(),
        Command::Null(NullConfig { port: 8099, log_bytes: crate::null::LOG_BYTES_DEFAULT, .. })
    ));
    assert!(matches!(
        parsed("fsync --dir d --seconds 1 --bytes 512").unwrap(),
        Command::Fsync(FsyncConfig { append_bytes: 512, .. })
    ));
}

#[test]
fn help_and_version() {
    for line in ["help", "--help", "-h"] {
        assert!(matches!(parsed(line).unwrap(), Command::Help));
    }
    assert!(matches!(parsed("--version").unwrap(), Command::Version));
}

#[test]
fn lines_that_cannot_be_followed_say_why() {
    let url = "--url http://h:1/api";
    for (line, want) in [
        (String::new(), "a subcommand is missing"),
        ("walk".to_owned(), "no subcommand walk"),
        ("null --dir d".to_owned(), "--port is missing"),
        ("null --port 70000 --dir d".to_owned(), "--port: number too large"),
        ("null --port 1 --dir d --log-bytes 5".to_owned(), "--log-bytes: want at least"),
        ("run --profile exec".to_owned(), "--url is missing"),
        (format!("run {url}"), "--profile is missing"),
        (format!("run {url} --profile tree:3"), "--profile: "),
        (format!("run {url} --profile exec --workers 0"), "--workers: "),
        (format!("run {url} --profile exec --seconds -1"), "--seconds: want a number of seconds"),
        (format!("run {url} --profile exec --target both"), "--target: "),
        (format!("run {url} --profile chain:2 --target null"), "only exec"),
        ("run --url ftp://h --profile exec".to_owned(), "--url: want http://"),
        (format!("run {url} --profile exec --fast"), "--fast"),
        (format!("run {url} --profile exec --rate 0"), "--rate: want"),
        (format!("run {url} --profile exec --rate nan"), "--rate: want"),
        (format!("run {url} --profile exec --rate 5 --inflight 9"), "--inflight: has no meaning with --rate"),
        (format!("run {url} exec"), "exec"),
        (format!("run {url} --profile overload"), "overload wants a --rate"),
        (format!("run {url} --profile idlepolls9 --rate 5"), "--rate: idlepolls starts nothing"),
        (format!("run {url} --profile payload9 --payload 5"), "--payload: the profile says it already"),
        (format!("run {url} --profile chain9 --types 5"), "--types: only exec"),
        (format!("run {url} --profile exec --types 5 --batch 2"), "--batch: is one"),
        (
            format!("run {url} --profile exec --seconds 2000 --series-seconds 0.01"),
            "--series-seconds: want longer",
        ),
        (format!("run {url} --profile exec --series-seconds 0"), "--series-seconds: want longer"),
        (format!("run {url} --profile exec --types 0"), "--types: "),
    ] {
        let error = parsed(&line).expect_err(&line).to_string();
        assert!(error.contains(want), "{line:?} said {error:?}, not {want:?}");
    }
}

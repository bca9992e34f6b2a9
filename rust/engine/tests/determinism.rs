//! The same commands with the same clock and seeds make the same bytes, whoever decides and however often (G27).

use fastcond_engine::command::{Report, Start};
use fastcond_engine::graph::{compile, embed};
use fastcond_engine::{Command, Definitions, Given, Graph, Live, Rerun, RerunFrom, Skip, begin, decide};
use fastcond_expr::script::Scripts;
use fastcond_json::Raw;
use fastcond_model::{
    Change, DefId, Execution, ResultStatus, TaskDef, TaskId, TaskNo, TaskStatus, WorkflowDef, WorkflowId,
    WorkflowStatus, codec,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Two task definitions and one child.
struct Registry {
    tasks: BTreeMap<String, Arc<TaskDef>>,
    child: Arc<Graph>,
}

impl Registry {
    fn new() -> Self {
        let tasks = [
            r#"{"name":"t","retryCount":3,"retryLogic":"EXPONENTIAL_BACKOFF","retryDelaySeconds":1,"backoffJitterMs":900,"responseTimeoutSeconds":20}"#,
            r#"{"name":"u","retryCount":1,"retryDelaySeconds":0,"timeoutSeconds":60,"responseTimeoutSeconds":30,"timeoutPolicy":"RETRY"}"#,
        ];
        let tasks = tasks.map(|text| serde_json::from_str::<TaskDef>(text).expect("a task definition"));
        let tasks =
            tasks.map(|def| (def.name.clone().unwrap_or_default(), Arc::new(def))).into_iter().collect();
        let child = serde_json::from_str(
            r#"{"name":"child","version":1,"tasks":[{"name":"t","taskReferenceName":"c"}]}"#,
        );
        let child = compile(child.expect("a definition")).expect("it compiles");
        Self { tasks, child: Arc::new(child) }
    }

    fn compile(&self, text: &str) -> Arc<Graph> {
        let mut def: WorkflowDef = serde_json::from_str(text).expect("a definition");
        let mut task = |name: &str| self.tasks.get(name).map(|t| (**t).clone());
        embed(&mut def, &mut task, &mut |_| Some(1)).expect("every child is known");
        Arc::new(compile(def).expect("it compiles"))
    }
}

impl Definitions for Registry {
    fn workflow(&self, name: &str, _: Option<i32>) -> Option<Arc<Graph>> {
        (name == "child").then(|| self.child.clone())
    }

    fn inline(&self, _: &WorkflowDef) -> Result<Arc<Graph>, String> {
        Err("no definitions inline".to_owned())
    }

    fn stored(&self, id: DefId) -> Option<Arc<Graph>> {
        (id == self.child.id).then(|| self.child.clone())
    }

    fn task(&self, name: &str) -> Option<Arc<TaskDef>> {
        self.tasks.get(name).cloned()
    }

    fn latest_version(&self, _: &str) -> Option<i32> {
        Some(1)
    }

    fn has_room(&self, _: &str, _: &str, _: usize) -> bool {
        true
    }

    fn is_polled(&self, _: &str, _: &str, _: i64) -> bool {
        false
    }

    fn is_heard(&self, _: &str) -> bool {
        false
    }

    fn with_secrets(&self, _: &str) -> Option<String> {
        None
    }

    fn environment(&self, _: &str) -> Option<String> {
        None
    }
}

/// Every way an instance is made, within one definition.
const STEPS: &str = r#"
{"name":"f","taskReferenceName":"f","type":"FORK_JOIN","forkTasks":[
  [{"name":"t","taskReferenceName":"a","inputParameters":{"x":"${workflow.input.x}"}},{"name":"i","taskReferenceName":"i","type":"INLINE","inputParameters":{"evaluatorType":"javascript","expression":"({n: $.v + 1})","v":"${workflow.input.x}"}}],
  [{"name":"l","taskReferenceName":"l","type":"DO_WHILE","loopCondition":"$.l.iteration < 3","loopOver":[{"name":"u","taskReferenceName":"b"}]}],
  [{"name":"s","taskReferenceName":"s","type":"SUB_WORKFLOW","subWorkflowParam":{"name":"child","version":1}}],
  [{"name":"w","taskReferenceName":"w","type":"WAIT","inputParameters":{"duration":"5 seconds"}},{"name":"v","taskReferenceName":"v","type":"SET_VARIABLE","inputParameters":{"seen":"${a.output.n}"}}]]},
{"name":"j","taskReferenceName":"j","type":"JOIN","joinOn":["i","l","s","v"]},
{"name":"d","taskReferenceName":"d","type":"FORK_JOIN_DYNAMIC","dynamicForkTasksParam":"tasks","dynamicForkTasksInputParamName":"inputs","inputParameters":{"tasks":[{"name":"t","taskReferenceName":"x"},{"name":"u","taskReferenceName":"y"}],"inputs":{"x":{"k":1}}}},
{"name":"dj","taskReferenceName":"dj","type":"JOIN"},
{"name":"o","taskReferenceName":"o","type":"SWITCH","evaluatorType":"javascript","expression":"$.n > 4 ? 'big' : 'small'","inputParameters":{"n":"${x.output.n}"},"decisionCases":{"big":[{"name":"t","taskReferenceName":"p","optional":true}]},"defaultCase":[{"name":"u","taskReferenceName":"q"}]}"#;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// How an execution is kept between two commands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeping {
    /// In memory.
    Live,
    /// As its record: every command looks at an execution that was just read back.
    Record,
}

fn some_task(live: &Live, random: &mut Random) -> TaskNo {
    let open: Vec<TaskNo> =
        live.execution.tasks.iter().filter(|t| !t.status.is_terminal()).map(|t| t.no).collect();
    let all = live.execution.tasks.numbers();
    let list = if open.is_empty() || random.below(10) == 0 { all } else { open };
    list[usize::try_from(random.below(list.len() as u64)).expect("a small number")]
}

fn child_of(live: &Live) -> Option<TaskNo> {
    live.execution.tasks.iter().rev().find(|t| t.subworkflow.is_some()).map(|t| t.no)
}

fn child_id(live: &Live, task: TaskId) -> WorkflowId {
    let task = live.execution.id.number_of(task).and_then(|no| live.execution.tasks.get(no));
    task.and_then(|t| t.subworkflow).unwrap_or(live.execution.id)
}

fn command(live: &Live, random: &mut Random) -> Command {
    let no = some_task(live, random);
    match random.below(32) {
        0 => Command::Pause,
        1 | 2 => Command::Resume,
        3 => Command::Terminate {
            reason: Some("enough".to_owned()),
            is_from_parent: random.below(2) == 0,
            runs_failure_workflow: random.below(2) == 0,
        },
        4 | 5 => Command::Retry { resumes_children: random.below(2) == 0, is_from_parent: false },
        6 => Command::Restart { graph: None },
        7 => Command::ResetCallbacks,
        8 => Command::Decide,
        10 => Command::Post { id: 77, payload: Raw::of_checked(r#"{"k":1}"#) },
        9 => Command::PutVariables { variables: Raw::of_checked(format!(r#"{{"k":{}}}"#, random.below(9))) },
        11..15 => Command::HandOut { task: no, worker: Some("w".into()) },
        15..18 => {
            let number = live.execution.outbox.iter().next().map_or(0, |out| out.number);
            Command::Arrived { number, has_receiver: random.below(4) > 0 }
        }
        18..20 => Command::Tick,
        20 => {
            let statuses = [WorkflowStatus::Completed, WorkflowStatus::Failed, WorkflowStatus::Terminated];
            let status = statuses[usize::try_from(random.below(3)).expect("a small number")];
            let task = live.execution.id.task(child_of(live).unwrap_or(no));
            let child = child_id(live, task);
            Command::ChildEnded { task, child, status, output: Raw::empty_object(), reason: None }
        }
        21 => {
            let task = live.execution.id.task(child_of(live).unwrap_or(no));
            Command::ChildRevived { task, child: child_id(live, task) }
        }
        22 => Command::Rerun(Box::new(Rerun {
            from: if random.below(3) == 0 {
                RerunFrom::Start
            } else {
                RerunFrom::Task { task: no, input: None }
            },
            input: None,
            correlation_id: None,
        })),
        23 => Command::Skip(Box::new(Skip {
            reference: ["a", "i", "w", "v", "d", "p", "q"][no as usize % 7].into(),
            input: Raw::empty_object(),
            output: Raw::of_checked(r#"{"n":9}"#),
        })),
        _ => Command::Report(Box::new(report(no, random))),
    }
}

fn report(task: TaskNo, random: &mut Random) -> Report {
    let statuses =
        [ResultStatus::Completed, ResultStatus::Completed, ResultStatus::Failed, ResultStatus::InProgress];
    Report {
        task,
        status: statuses[usize::try_from(random.below(4)).expect("a small number")],
        output: Raw::of_checked(format!(r#"{{"n":{}}}"#, random.below(9))),
        is_merged: random.below(4) == 0,
        reason: None,
        worker: None,
        keeps_worker: false,
        callback_after_s: i64::try_from(random.below(3)).expect("a small number"),
        extends_lease: random.below(20) == 0,
        output_path: None,
        subworkflow: None,
    }
}

/// A start with nothing but a definition and an input.
fn plain_start(id: WorkflowId, graph: Arc<Graph>, input: Raw) -> Start {
    Start {
        id,
        graph,
        input,
        correlation_id: None,
        priority: 0,
        task_to_domain: Raw::empty_object(),
        parent: None,
        event: None,
        created_by: None,
        input_path: None,
        idempotency_key: None,
    }
}

/// Runs `turns` random commands; every commit as bytes.
fn run(registry: &Registry, seed: u64, keeping: Keeping, turns: usize) -> Vec<Vec<u8>> {
    let graph = registry.compile(&format!(r#"{{"name":"w","version":1,"tasks":[{STEPS}]}}"#));
    let (mut random, mut scripts) = (Random(seed), Scripts::new());
    let mut given = Given { now_ms: 1_700_000_000_000, seed, defs: registry, scripts: &mut scripts };
    let id = WorkflowId::from_seed(given.now_ms, u128::from(seed));
    let start = plain_start(id, graph.clone(), Raw::of_checked(r#"{"x":3}"#));
    let (mut live, transition) = begin(start, &mut given);
    let mut commits = Vec::new();
    let mut stored: Option<Execution> = None;
    let mut keep = |live: &Live, change: &Change| {
        let mut bytes = Vec::new();
        codec::encode(&mut bytes, &live.execution, change);
        stored = Some(codec::apply(stored.take(), &bytes).expect("a commit follows the last one"));
        assert_eq!(
            stored.as_ref(),
            Some(&live.execution),
            "seed {seed}: the commits fold to the execution (G8)"
        );
        commits.push(bytes);
        stored.clone().expect("it was just stored")
    };
    let mut record = keep(&live, &transition.change);
    for _ in 0..turns {
        if keeping == Keeping::Record {
            live = Live::new(record.clone(), graph.clone());
            live.resume_work();
        }
        let command = command(&live, &mut random);
        given.now_ms += i64::try_from(random.below(4_000)).expect("a small number");
        given.seed = random.below(1 << 30);
        let before = live.execution.clone();
        match decide(&mut live, command, &mut given) {
            Ok(transition) if transition.change.is_empty() => {
                assert_eq!(live.execution, before, "seed {seed}");
            }
            Ok(transition) => record = keep(&live, &transition.change),
            Err(rejection) => assert_eq!(live.execution, before, "seed {seed}: refused with {rejection}"),
        }
        live.check().expect("the index is what the record says");
    }
    commits
}

#[test]
fn the_same_commands_make_the_same_bytes_twice() {
    let registry = Registry::new();
    let mut commits = 0;
    for seed in 0..200 {
        let first = run(&registry, seed, Keeping::Live, 120);
        let second = run(&registry, seed, Keeping::Live, 120);
        assert_eq!(first, second, "seed {seed}");
        commits += first.len();
    }
    assert!(commits > 200 * 40, "{commits} commits are too few to say anything");
}

#[test]
fn an_execution_that_is_read_back_before_each_command_goes_the_same_way() {
    let registry = Registry::new();
    for seed in 0..200 {
        let kept = run(&registry, seed, Keeping::Live, 120);
        let read = run(&registry, seed, Keeping::Record, 120);
        let at = kept.iter().zip(&read).position(|(a, b)| a != b);
        assert_eq!((at, kept.len()), (None, read.len()), "seed {seed}: the commits differ");
    }
}

#[test]
fn another_seed_makes_another_jitter() {
    // The randomness of a command is its seed and nothing else (S-54.4).
    let registry = Registry::new();
    let ready = |seed: u64| {
        let graph =
            registry.compile(r#"{"name":"w","version":1,"tasks":[{"name":"t","taskReferenceName":"a"}]}"#);
        let mut scripts = Scripts::new();
        let mut given = Given { now_ms: 1_700_000_000_000, seed: 1, defs: &registry, scripts: &mut scripts };
        let start = plain_start(WorkflowId(7), graph, Raw::empty_object());
        let (mut live, _) = begin(start, &mut given);
        given.seed = seed;
        let failed = Report { status: ResultStatus::Failed, ..report(0, &mut Random(0)) };
        decide(&mut live, Command::Report(Box::new(failed)), &mut given).expect("the report is taken");
        let again = live.execution.tasks.iter().last().expect("another attempt");
        assert_eq!((again.status, again.retry_count), (TaskStatus::Scheduled, 1));
        again.ready_ms
    };
    assert_eq!(ready(5), ready(5));
    assert!((6..40).any(|seed| ready(seed) != ready(5)), "the jitter follows the seed");
}

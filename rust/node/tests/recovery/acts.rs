//! What the random client does, and the good workers that end a run.

use crate::client::{Taken, result, task_def};
use crate::definitions::{self, DEFINED, NAMES, TYPES};
use crate::world::{Asked, World};
use fastcond_model::{TaskStatus, WorkflowId, WorkflowStatus};

/// Rounds the good workers get; each ends at the next timer.
const ROUNDS_MAX: usize = 3_000;

/// Longest jump of the clock.
const JUMP_MAX_MS: i64 = 30_000;

const STATUSES: &[&str] = &[
    "COMPLETED",
    "COMPLETED",
    "COMPLETED",
    "FAILED",
    "FAILED_WITH_TERMINAL_ERROR",
    "IN_PROGRESS",
    "CANCELED",
];

impl World {
    /// One turn: calls arrive, the clock moves, the threads behind the engine do something or nothing.
    pub fn turn(&mut self) {
        for _ in 0..=self.random.below(4) {
            self.act();
        }
        if self.random.chance(50) {
            self.move_clock();
        }
        self.settle();
        let swarm = self.swarm;
        if self.random.chance(swarm.acknowledge) {
            self.acknowledge();
        }
        if self.random.chance(swarm.batch) {
            self.make_batch();
        }
        if self.random.chance(swarm.write) {
            self.write_batch();
        }
        if self.random.chance(swarm.note) {
            self.note();
        }
        if self.random.chance(2) {
            self.check();
        }
        if self.random.chance(swarm.crash) {
            self.crash();
        }
    }

    fn move_clock(&mut self) {
        let small = i64::try_from(self.random.below(2_000)).expect("a small number");
        let next = self.machine().next_wake().map_or(0, |at| at - self.now_ms);
        self.now_ms += if self.random.chance(30) { next.clamp(0, JUMP_MAX_MS) } else { small };
    }

    fn act(&mut self) {
        match self.random.below(100) {
            0..16 => self.start(),
            16..46 => self.poll(),
            46..74 => self.report(),
            74..78 => self.log(),
            78..80 => self.report_by_name(),
            80..82 => self.operate("workflow.pause", &[]),
            82..84 => self.operate("workflow.resume", &[]),
            84..85 => self.operate("workflow.terminate", &[("reason", "enough")]),
            85..87 => self.operate("workflow.retry", &[]),
            87..88 => self.operate("workflow.retry", &[("resumeSubworkflowTasks", "true")]),
            88..89 => self.operate("workflow.restart", &[]),
            89..90 => self.operate("workflow.restart", &[("useLatestDefinitions", "true")]),
            90..92 => self.remove(),
            92..93 => self.operate("workflow.decide", &[]),
            93..94 => self.operate("workflow.resetcallbacks", &[]),
            94..95 => self.set_variables(),
            95..96 => self.redefine(),
            96..97 => self.deliver(),
            _ => self.operate("workflow.get", &[]),
        }
    }

    fn start(&mut self) {
        let name = *self.random.pick(NAMES);
        let input = definitions::input(&mut self.random);
        let priority = *self.random.pick(&[0, 0, 5, 99]);
        let domains = *self.random.pick(&["{}", "{}", r#"{"plain":"d"}"#, r#"{"*":"d,NO_DOMAIN"}"#]);
        // Now and then a definition of its own comes with the start.
        let own = if self.random.chance(10) {
            let n = self.random.below(1_000);
            format!(r#","workflowDef":{}"#, definitions::workflow(name, n))
        } else {
            String::new()
        };
        let body = format!(
            r#"{{"name":"{name}","input":{input},"priority":{priority},"taskToDomain":{domains},"correlationId":"c"{own}}}"#
        );
        self.call(Asked::Other, "workflow.start", &[], &body);
    }

    fn poll(&mut self) {
        let task_type = *self.random.pick(TYPES);
        let count = self.random.below(4).to_string();
        let timeout = *self.random.pick(&["0", "0", "1000", "5000"]);
        let domain = if self.random.chance(20) { "d" } else { "" };
        let params = [
            ("tasktype", task_type),
            ("count", &count),
            ("timeout", timeout),
            ("domain", domain),
            ("workerid", "w"),
        ];
        self.call(Asked::Tasks, "tasks.poll_batch", &params, "");
    }

    /// A task to report on: one that was handed out, now and then any.
    fn some_task(&mut self) -> Option<Taken> {
        if !self.held.is_empty() && self.random.chance(85) {
            let at = self.random.below(self.held.len());
            return Some(if self.random.chance(80) {
                self.held.swap_remove(at)
            } else {
                self.held[at].clone()
            });
        }
        let id = self.some_execution()?;
        let tasks: Vec<(u32, String)> =
            self.truth.executions[&id.0].tasks.iter().map(|t| (t.no, t.reference.to_string())).collect();
        if tasks.is_empty() {
            return None;
        }
        let (no, reference) = tasks[self.random.below(tasks.len())].clone();
        Some(Taken { workflow: id.to_string(), task: id.task(no).to_string(), reference })
    }

    fn some_execution(&mut self) -> Option<WorkflowId> {
        let count = self.truth.executions.len();
        if count == 0 {
            return None;
        }
        let at = self.random.below(count);
        self.truth.executions.keys().nth(at).map(|id| WorkflowId(*id))
    }

    fn report(&mut self) {
        let Some(task) = self.some_task() else { return };
        let status = *self.random.pick(STATUSES);
        let (n, delay) = (self.random.below(1_000), self.random.below(3));
        let logs = format!(r#""logs":[{{"log":"first {n}"}},{{"log":"second {n}"}}],"#);
        let logs = if self.random.chance(20) { &*logs } else { "" };
        let lease = if self.random.chance(5) { r#""extendLease":true,"# } else { "" };
        let more = format!(r#"{{{logs}{lease}"outputData":{{"n":{n}}},"callbackAfterSeconds":{delay},"#);
        let body = result(&task, status).replacen('{', &more, 1);
        if self.random.chance(50) {
            self.call(Asked::Other, "tasks.update", &[], &body);
        } else {
            self.call(Asked::Tasks, "tasks.update_v2", &[], &body);
        }
    }

    fn log(&mut self) {
        if let Some(task) = self.some_task() {
            let line = format!("line {}", self.random.below(1_000));
            self.call(Asked::Other, "tasks.log_add", &[("taskId", &task.task)], &line);
        }
    }

    fn report_by_name(&mut self) {
        let Some(task) = self.some_task() else { return };
        let params =
            [("workflowId", &*task.workflow), ("taskRefName", &*task.reference), ("status", "COMPLETED")];
        self.call(Asked::Other, "tasks.update_by_ref", &params, r#"{"by":"name"}"#);
    }

    fn operate(&mut self, verb: &str, more: &[(&str, &str)]) {
        let Some(id) = self.some_execution() else { return };
        let id = id.to_string();
        let params: Vec<(&str, &str)> =
            std::iter::once(("workflowId", &*id)).chain(more.iter().copied()).collect();
        self.call(Asked::Other, verb, &params, "");
    }

    fn remove(&mut self) {
        let Some(id) = self.some_execution() else { return };
        let id = id.to_string();
        let verb = *self.random.pick(&["workflow.remove", "workflow.terminate_remove"]);
        let archives = *self.random.pick(&["true", "false"]);
        self.call(Asked::Other, verb, &[("workflowId", &id), ("archiveWorkflow", archives)], "");
    }

    fn set_variables(&mut self) {
        let Some(id) = self.some_execution() else { return };
        let body = format!(r#"{{"set":{}}}"#, self.random.below(1_000));
        self.call(Asked::Other, "workflow.variables", &[("workflowId", &id.to_string())], &body);
    }

    /// A message from outside, now and then one that came before.
    fn deliver(&mut self) {
        let Some(id) = self.some_execution() else { return };
        let message = format!("m{}", self.random.below(8));
        let body = format!(r#"{{"workflowInstanceId":"{id}","of":"{message}"}}"#);
        let params = [("event", definitions::EVENT), ("messageId", &*message)];
        self.call(Asked::Other, "events.deliver", &params, &body);
    }

    fn redefine(&mut self) {
        let n = self.random.below(1_000);
        if self.random.chance(50) {
            let name = *self.random.pick(NAMES);
            self.call(
                Asked::Other,
                "workflowdefs.update",
                &[],
                &format!("[{}]", definitions::workflow(name, n)),
            );
        } else {
            let name = *self.random.pick(DEFINED);
            let def = task_def(name, &definitions::task_members(name, 1 + n % 4));
            self.call(Asked::Other, "taskdefs.update", &[], &def);
        }
    }

    /// Good workers finish everything: they take what there is, complete it, and wait for the next timer.
    pub fn finish_everything(&mut self) {
        self.acknowledge();
        for _ in 0..ROUNDS_MAX {
            let is_over = self.truth.executions.values().all(|e| e.header.status.is_terminal());
            if is_over && !self.machine().has_mail() {
                return;
            }
            self.work();
            self.settle();
            self.acknowledge();
            let next = self.machine().next_wake();
            self.now_ms = next.unwrap_or(self.now_ms).max(self.now_ms);
        }
        let families = self.truth.check_families();
        let open = self.truth.executions.values().filter(|e| !e.header.status.is_terminal());
        panic!("after {ROUNDS_MAX} rounds ({families:?}) these are open: {:#?}", open.collect::<Vec<_>>());
    }

    fn work(&mut self) {
        let paused: Vec<String> = self
            .truth
            .executions
            .values()
            .filter(|e| e.header.status == WorkflowStatus::Paused)
            .map(|e| e.id.to_string())
            .collect();
        for id in paused {
            self.call(Asked::Other, "workflow.resume", &[("workflowId", &id)], "");
        }
        let gates: Vec<Taken> = self
            .truth
            .executions
            .values()
            .flat_map(|e| e.tasks.iter().map(move |t| (e.id, t)))
            .filter(|(_, t)| t.status == TaskStatus::InProgress)
            // S-9.5: a call that was reported as in progress waits for a report from outside.
            .filter(|(_, t)| &*t.task_type == "HUMAN" || (&*t.task_type == "HTTP" && &*t.output != "{}"))
            .map(|(id, t)| Taken {
                workflow: id.to_string(),
                task: id.task(t.no).to_string(),
                reference: String::new(),
            })
            .collect();
        self.held.extend(gates);
        for task in std::mem::take(&mut self.held) {
            self.call(Asked::Other, "tasks.update", &[], &result(&task, "COMPLETED"));
        }
        for task_type in TYPES {
            for domain in ["", "d"] {
                let params =
                    [("tasktype", *task_type), ("count", "1000"), ("timeout", "0"), ("domain", domain)];
                self.call(Asked::Tasks, "tasks.poll_batch", &params, "");
            }
        }
    }
}

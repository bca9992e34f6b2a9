//! Scripts in a process of their own, which can be ended whatever a script does (quality H15 to H19).
//!
//! [`Process`] is the server's side: it keeps one child, hands it one call at a time and waits. A child that has
//! had its time without answering is killed and the next call gets a new one. [`serve`] is the child's side: the
//! same evaluator, with its own fuel and stopwatch, which end all ordinary scripts without anybody being killed.
//! Both speak over one socket, the child's standard input; the frames are those of [`frame`].

mod child;
mod frame;
mod stopwatch;

pub use child::serve;
pub(crate) use stopwatch::Stopwatch;

use fastcond_expr::script::{Call, Form, Host, ScriptError};
use fastcond_json::Raw;
use std::ffi::OsString;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// CPU time after which a child is killed: what its stopwatch allows, and the coarse clock it is read from.
const CPU_MAX: Duration = Duration::from_millis(70);
/// What validating may take beside that for each byte of the document: it is read as a tree first.
const SCHEMA_CPU_PER_BYTE: Duration = Duration::from_nanos(25);
/// Time by the wall after which it is killed all the same: it was stopped, or the machine is beyond help.
const WALL_MAX: Duration = Duration::from_secs(2);
/// Memory a child may fill, as far as looks at it tell: a script has a heap of its own, a jq filter takes what it
/// likes. Within one look's time it can fill some tens of megabytes more.
const RESIDENT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// How long a call runs before somebody looks at the child's CPU time, and from then on between looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long a new child may take to say that it is ready.
const READY_MAX: Duration = Duration::from_secs(20);
/// Ticks per second of the CPU times in `/proc` (`USER_HZ`, the same on every Linux).
const TICKS_PER_S: u64 = 100;
/// What a child keeps of the server's environment: where its program and its libraries are.
const ENVIRONMENT: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "LANG"];

/// Evaluates scripts in a child process, made at the first call and replaced when it had to be killed.
#[derive(Debug)]
pub struct Process {
    command: Vec<OsString>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    socket: BufReader<UnixStream>,
    /// CPU time it had used when it answered last; none before it said that it is there.
    used: Option<Duration>,
}

/// Why a call got no answer.
enum End {
    OutOfTime,
    OutOfMemory,
    Gone(String),
}

impl Process {
    /// A host whose children are started by `command`, a program and its arguments, which calls [`serve`].
    pub fn new(command: Vec<OsString>) -> Self {
        Self { command, running: None }
    }

    fn start(&self) -> Result<Running, String> {
        let text = |error: std::io::Error| error.to_string();
        let (program, arguments) = self.command.split_first().ok_or("no command is set")?;
        let (ours, theirs) = UnixStream::pair().map_err(text)?;
        ours.set_write_timeout(Some(WALL_MAX)).map_err(text)?;
        ours.set_read_timeout(Some(LOOK_EVERY)).map_err(text)?;
        let kept = ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(kept)
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            // A Ctrl-C in the terminal is the server's to answer.
            .process_group(0)
            .spawn()
            .map_err(text)?;
        Ok(Running { child, socket: BufReader::new(ours), used: None })
    }

    /// One attempt: whoever is running, or a new child, gets the frame and has its time.
    fn attempt(&mut self, request: &[u8], cpu_max: Duration) -> Result<Result<Raw, ScriptError>, End> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.start().map_err(End::Gone)?,
        };
        match running.exchange(request, cpu_max) {
            Ok(answer) => {
                self.running = Some(running);
                Ok(answer)
            }
            Err(end) => {
                running.kill();
                // The next one starts while the server goes on.
                self.running = self.start().ok();
                Err(end)
            }
        }
    }
}

impl Host for Process {
    fn answer(&mut self, call: &Call<'_>) -> Result<Raw, ScriptError> {
        let request = frame::call(call);
        // A child that died while it was idle says nothing about this call.
        let was_there = self.running.as_ref().is_some_and(|running| running.used.is_some());
        let cpu_max = cpu_max(call);
        let answer = match self.attempt(&request, cpu_max) {
            Err(End::Gone(_)) if was_there => self.attempt(&request, cpu_max),
            first => first,
        };
        match answer {
            Ok(result) => result,
            Err(End::OutOfTime) => Err(ScriptError::OutOfTime),
            Err(End::OutOfMemory) => Err(ScriptError::OutOfMemory),
            Err(End::Gone(why)) => Err(ScriptError::Lost { why }),
        }
    }
}

impl Running {
    fn exchange(&mut self, request: &[u8], cpu_max: Duration) -> Result<Result<Raw, ScriptError>, End> {
        if self.used.is_none() {
            let began = Instant::now();
            let late = || End::Gone("the script process does not start".to_owned());
            let _ = self.next_answer(|_| (began.elapsed() > READY_MAX).then(late))?;
        }
        let (began, before) = (Instant::now(), self.used.unwrap_or_default());
        self.socket.get_mut().write_all(request).map_err(gone)?;
        self.next_answer(|child| {
            let (now, resident) = child.usage().unwrap_or_default();
            let is_late = began.elapsed() > WALL_MAX || now.saturating_sub(before) >= cpu_max;
            let is_large = resident > RESIDENT_BYTES_MAX;
            is_large.then_some(End::OutOfMemory).or(is_late.then_some(End::OutOfTime))
        })
    }

    fn next_answer(
        &mut self,
        is_over: impl Fn(&Self) -> Option<End>,
    ) -> Result<Result<Raw, ScriptError>, End> {
        let mut length = [0; 4];
        self.read(&mut length, &is_over)?;
        let length = frame::answer_length(length).ok_or_else(|| End::Gone("its answer has no end".into()))?;
        let mut answer = vec![0; length];
        self.read(&mut answer, &is_over)?;
        let (result, used) = frame::read_answer(&answer);
        self.used = used.or(self.used);
        Ok(result)
    }

    /// Fills `bytes`; between waits of [`LOOK_EVERY`] it asks whether the call is over.
    fn read(&mut self, bytes: &mut [u8], is_over: impl Fn(&Self) -> Option<End>) -> Result<(), End> {
        let mut at = 0;
        while at < bytes.len() {
            match self.socket.read(&mut bytes[at..]) {
                Ok(0) => return Err(End::Gone("the script process ended".to_owned())),
                Ok(read) => at += read,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if let Some(end) = is_over(self) {
                        return Err(end);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(gone(error)),
            }
        }
        Ok(())
    }

    /// CPU time the child has used, to a hundredth of a second, and bytes it fills; none where it cannot be read.
    fn usage(&self) -> Option<(Duration, u64)> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name in brackets may hold anything; user and system time are fields 14 and 15, 12 and 13 after it.
        // Pages filled are field 24.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
        let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
        let pages = fields.nth(8)?.parse::<u64>().ok()?;
        let page_bytes = u64::try_from(rustix::param::page_size()).ok()?;
        Some((Duration::from_millis(ticks * 1_000 / TICKS_PER_S), pages.saturating_mul(page_bytes)))
    }

    fn kill(&mut self) {
        // It may have ended by itself; either way it is waited for, so that nothing of it is left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// CPU time a call may take.
fn cpu_max(call: &Call<'_>) -> Duration {
    if call.form != Form::Schema {
        return CPU_MAX;
    }
    let bytes = u32::try_from(call.dollar.len()).unwrap_or(u32::MAX);
    CPU_MAX + SCHEMA_CPU_PER_BYTE * bytes
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` asks for")]
fn gone(error: std::io::Error) -> End {
    End::Gone(format!("the script process cannot be reached: {error}"))
}

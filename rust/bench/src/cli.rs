//! A command line carried out: the same for the binary and for `fastcond bench`.

use std::ffi::OsString;

use crate::args::{self, Command, USAGE};
use crate::{fsync, load, null};

/// Exit code when everything asked for was done.
const EXIT_DONE: u8 = 0;
/// Exit code when the run ended but broke a promise (a lost execution, a task handed out twice).
const EXIT_VIOLATED: u8 = 1;
/// Exit code when the run could not be made at all, bad arguments included.
const EXIT_FAILED: u8 = 2;

/// Carries out a command line whose first word is the program's name; the exit code is returned.
pub fn run(line: impl IntoIterator<Item = OsString>) -> u8 {
    let command = match args::parse(line) {
        Ok(command) => command,
        Err(error) => return failed(&format!("{error}\n\n{USAGE}")),
    };
    match command {
        Command::Help => {
            println!("{USAGE}");
            EXIT_DONE
        }
        Command::Version => {
            println!("fastcond-bench {}", env!("CARGO_PKG_VERSION"));
            EXIT_DONE
        }
        Command::Null(config) => match null::serve(&config) {
            Ok(()) => EXIT_DONE,
            Err(error) => failed(&format!("the null server stopped: {error}")),
        },
        Command::Fsync(config) => match fsync::measure(&config) {
            Ok(()) => EXIT_DONE,
            Err(error) => failed(&format!("the sync loop failed: {error}")),
        },
        Command::Run(config) => match load::run(&config) {
            Ok(report) if report.conservation.holds => EXIT_DONE,
            Ok(_) => EXIT_VIOLATED,
            Err(error) => failed(&format!("the run failed: {error}")),
        },
    }
}

fn failed(message: &str) -> u8 {
    eprintln!("fastcond-bench: {message}");
    EXIT_FAILED
}

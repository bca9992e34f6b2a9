//! Command line of the load generator: one subcommand, one thing measured.

use std::process::ExitCode;

use fastcond_bench::args::{self, Command, USAGE};
use fastcond_bench::{fsync, load, null};

/// Exit code when the run ended but broke a promise (a lost execution, a task handed out twice).
const EXIT_VIOLATED: u8 = 1;
/// Exit code when the run could not be made at all, bad arguments included.
const EXIT_FAILED: u8 = 2;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(error) => return failed(&format!("{error}\n\n{USAGE}")),
    };
    match command {
        Command::Help => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Command::Version => {
            println!("fastcond-bench {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Command::Null(config) => match null::serve(&config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&format!("the null server stopped: {error}")),
        },
        Command::Fsync(config) => match fsync::measure(&config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&format!("the sync loop failed: {error}")),
        },
        Command::Run(config) => match load::run(&config) {
            Ok(report) if report.conservation.holds => ExitCode::SUCCESS,
            Ok(_) => ExitCode::from(EXIT_VIOLATED),
            Err(error) => failed(&format!("the run failed: {error}")),
        },
    }
}

fn failed(message: &str) -> ExitCode {
    eprintln!("fastcond-bench: {message}");
    ExitCode::from(EXIT_FAILED)
}

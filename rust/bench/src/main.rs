//! The load generator as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(fastcond_bench::cli::run(std::env::args_os()))
}

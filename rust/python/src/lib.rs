//! The Python border: the only crate with PyO3. It converts and forwards; it decides nothing.
//!
//! Bytes cross, objects do not; batches cross, items do not. The interpreter lock is released for calls that may block
//! (open, close); all others are look-ups or appends to a queue.

mod model;
mod node;

use pyo3::prelude::*;
use std::ffi::OsString;

/// Requests are allocated on one thread and freed on another all day long; this allocator is made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Every verb that `Node.submit` and `Model.call` know.
#[pyfunction]
fn verbs() -> Vec<&'static str> {
    fastcond_node::calls::verbs().chain(std::iter::once(node::METRICS)).collect()
}

/// Answers scripts on standard input, a socket, until the server that holds its other end goes.
#[pyfunction]
fn serve_scripts(py: Python<'_>) -> PyResult<()> {
    py.detach(fastcond_node::scripts::serve).map_err(Into::into)
}

/// Carries out a command line of the load generator; the exit code is returned.
#[pyfunction]
fn run_bench(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    let program = OsString::from("fastcond bench");
    py.detach(|| fastcond_bench::cli::run(std::iter::once(program).chain(arguments)))
}

/// The compiled core of fastcond.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<node::Node>()?;
    module.add_class::<model::Model>()?;
    module.add_function(wrap_pyfunction!(verbs, module)?)?;
    module.add_function(wrap_pyfunction!(serve_scripts, module)?)?;
    module.add_function(wrap_pyfunction!(run_bench, module)?)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}

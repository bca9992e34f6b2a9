//! The core on virtual time, for tests.

use crate::node::{call_params, known};
use pyo3::exceptions::PyAssertionError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// The same core without threads, files or clock.
#[pyclass(unsendable, module = "fastcond._core")]
pub struct Model(fastcond_node::model::Model);

#[pymethods]
impl Model {
    #[new]
    fn new(seed: u64, now_ms: i64) -> Self {
        Self(fastcond_node::model::Model::new(seed, now_ms))
    }

    /// Carries out one call: status, content type, body.
    fn call<'py>(
        &mut self,
        py: Python<'py>,
        verb: &str,
        params: &Bound<'_, PyDict>,
        body: &[u8],
    ) -> PyResult<(u16, &'static str, Bound<'py, PyBytes>)> {
        let reply = self.0.call(known(verb)?, &call_params(params)?, body);
        Ok((reply.status, reply.content_type.unwrap_or(""), PyBytes::new(py, &reply.body)))
    }

    /// Moves the clock on, firing every due timer in order.
    fn advance(&mut self, ms: i64) {
        self.0.advance(ms);
    }

    /// The clock.
    fn now(&self) -> i64 {
        self.0.now_ms()
    }

    /// Raises when an invariant does not hold.
    fn check(&mut self) -> PyResult<()> {
        self.0.check().map_err(PyAssertionError::new_err)
    }
}

//! One server process, as the event loop sees it.

use fastcond_node::calls::{Params, Verb, verb};
use fastcond_node::front::Cold;
use fastcond_node::machine::{Options, SearchKept};
use fastcond_node::server::{Bounds, Server, ServerOptions};
use fastcond_store::{Settings, SyncMode};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use serde::Deserialize;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Settings as JSON.
#[derive(Deserialize)]
struct Given {
    data_dir: String,
    #[serde(default)]
    sync: Option<String>,
    #[serde(default)]
    instance: Option<String>,
    #[serde(default)]
    cached_max: Option<usize>,
    #[serde(default)]
    search_index: Option<bool>,
    search_text: Option<bool>,
    search_tasks: Option<bool>,
    #[serde(default)]
    poll_ms_max: Option<i64>,
    #[serde(default)]
    events_kept_ms: Option<i64>,
    #[serde(default)]
    environment: HashMap<String, String>,
    #[serde(default)]
    secrets: HashMap<String, String>,
    #[serde(default)]
    script_command: Option<Vec<String>>,
}

/// Bounds of connections, times in seconds.
#[derive(Deserialize)]
struct GivenBounds {
    connections_max: usize,
    refusal: String,
    idle_s_max: f64,
    request_s_max: f64,
    write_s_max: f64,
    unsent_bytes_max: usize,
}

impl From<GivenBounds> for Bounds {
    fn from(given: GivenBounds) -> Self {
        // A time beyond what can be told apart from for ever is as good as that.
        let time = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        Self {
            connections_max: given.connections_max,
            refusal: given.refusal.into_bytes(),
            idle_max: time(given.idle_s_max),
            request_max: time(given.request_s_max),
            write_max: time(given.write_s_max),
            unsent_bytes_max: given.unsent_bytes_max,
        }
    }
}

type ColdOn<'py> = (
    u64,
    u64,
    String,
    Bound<'py, PyBytes>,
    Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>,
    Bound<'py, PyBytes>,
);

/// The verb that gives the metrics text.
pub const METRICS: &str = "node.metrics";

/// One server process: engine, embedded store, parked polls, timers.
#[pyclass(unsendable, module = "fastcond._core")]
pub struct Node {
    server: Option<Server>,
    store: &'static str,
}

fn store_error(py: Python<'_>, message: String) -> PyErr {
    let class = py.import("fastcond.errors").and_then(|errors| errors.getattr("StoreError"));
    match class.and_then(|class| class.call1((message.clone(),))) {
        Ok(error) => PyErr::from_value(error),
        Err(_) => PyRuntimeError::new_err(message),
    }
}

impl Node {
    fn server(&mut self) -> PyResult<&mut Server> {
        self.server.as_mut().ok_or_else(|| PyRuntimeError::new_err("the node is closed"))
    }
}

fn cold(py: Python<'_>, conn: u64, item: Cold) -> ColdOn<'_> {
    let request = item.request;
    let headers =
        request.headers().map(|(name, value)| (PyBytes::new(py, name), PyBytes::new(py, value))).collect();
    let target = PyBytes::new(py, request.target().as_bytes());
    let body = PyBytes::new(py, &request.body);
    (conn, item.seq, request.method.as_str().to_owned(), target, headers, body)
}

/// Parameters of a call from Python.
pub fn call_params(given: &Bound<'_, PyDict>) -> PyResult<Params> {
    let pairs: Vec<(String, String)> =
        given.iter().map(|(key, value)| Ok((key.extract()?, value.extract()?))).collect::<PyResult<_>>()?;
    Ok(pairs.into_iter().collect())
}

#[pymethods]
impl Node {
    /// Opens the store in the folder of the settings, recovers and starts.
    #[staticmethod]
    fn open(py: Python<'_>, settings: &[u8]) -> PyResult<Self> {
        let given: Given =
            serde_json::from_slice(settings).map_err(|e| PyValueError::new_err(e.to_string()))?;
        let mut store = Settings::new(&given.data_dir);
        store.sync = match given.sync.as_deref() {
            None | Some("full") => SyncMode::Full,
            Some("normal") => SyncMode::Normal,
            Some(other) => return Err(PyValueError::new_err(format!("sync is full or normal, not {other}"))),
        };
        let search_index = given.search_index.unwrap_or(true);
        store.archive.search_index = search_index;
        let defaults = Options::default();
        let machine = Options {
            instance: given.instance.unwrap_or(defaults.instance),
            cached_max: given.cached_max.unwrap_or(defaults.cached_max),
            forgets_finished: true,
            search: SearchKept {
                executions: search_index,
                tasks: given.search_tasks.unwrap_or(defaults.search.tasks),
                words: given.search_text.unwrap_or(defaults.search.words),
            },
            poll_ms_max: given.poll_ms_max.unwrap_or(defaults.poll_ms_max),
            environment: given.environment.into_iter().collect(),
            events_kept_ms: given.events_kept_ms.unwrap_or(defaults.events_kept_ms),
            payload_dir: Some(PathBuf::from(&given.data_dir).join("payloads")),
            secrets: given.secrets.into_iter().collect(),
        };
        let script_command =
            given.script_command.map(|command| command.into_iter().map(OsString::from).collect());
        let opened = py.detach(|| Server::open(ServerOptions { store, machine, script_command }));
        let server = opened.map_err(|error| store_error(py, error.to_string()))?;
        Ok(Self { server: Some(server), store: "embedded" })
    }

    /// Store, durability class and health as JSON.
    fn describe<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let store = self.store;
        let (durability, fault) = self.server()?.describe();
        let text = serde_json::json!({
            "store": store, "durability": durability, "healthy": fault.is_none(), "reason": fault,
        });
        Ok(PyBytes::new(py, text.to_string().as_bytes()))
    }

    /// How many executions the search index was made for when the folder was opened.
    fn indexed(&mut self) -> PyResult<u64> {
        Ok(self.server()?.indexed())
    }

    /// The descriptor that is readable when `turn` has something.
    fn fd(&mut self) -> PyResult<i32> {
        Ok(self.server()?.fd())
    }

    /// Accepts connections on an address; returns the port.
    fn listen(&mut self, address: &str, port: u16, bounds: &[u8]) -> PyResult<u16> {
        let bounds: GivenBounds =
            serde_json::from_slice(bounds).map_err(|e| PyValueError::new_err(e.to_string()))?;
        let address = address.parse().map_err(|_| PyValueError::new_err(format!("no address: {address}")))?;
        Ok(self.server()?.listen(address, port, bounds.into())?)
    }

    /// Accepts no more connections.
    fn stop_listening(&mut self) -> PyResult<()> {
        self.server()?.stop_listening();
        Ok(())
    }

    /// One turn of the event loop: answered tickets, and the requests that the caller answers.
    #[expect(clippy::type_complexity, reason = "the shape of the border, spelled out once")]
    fn turn<'py>(
        &mut self,
        py: Python<'py>,
    ) -> PyResult<Option<(Vec<(u64, u16, &'static str, Bound<'py, PyBytes>)>, Vec<ColdOn<'py>>)>> {
        let turned = self.server()?.turn()?;
        if turned.answers.is_empty() && turned.cold.is_empty() {
            return Ok(None);
        }
        let answers = turned.answers.into_iter().map(|(ticket, reply)| {
            (ticket, reply.status, reply.content_type.unwrap_or(""), PyBytes::new(py, &reply.body))
        });
        let asked = turned.cold.into_iter().map(|(conn, item)| cold(py, conn, item));
        Ok(Some((answers.collect(), asked.collect())))
    }

    /// Ends connections that have had their time.
    fn sweep(&mut self) -> PyResult<()> {
        self.server()?.sweep();
        Ok(())
    }

    /// Ends the connections that are owed nothing; how many are left.
    fn end_quiet(&mut self) -> PyResult<usize> {
        Ok(self.server()?.end_quiet())
    }

    /// Ends every connection.
    fn end_connections(&mut self) -> PyResult<()> {
        self.server()?.end_connections();
        Ok(())
    }

    /// Connections that are open, and connections that were turned away so far.
    fn connections(&mut self) -> PyResult<(usize, u64)> {
        Ok(self.server()?.connections())
    }

    /// The answer to a cold request.
    #[pyo3(signature = (conn, seq, status, headers, body))]
    fn respond(
        &mut self,
        conn: u64,
        seq: u64,
        status: u16,
        headers: Vec<(Vec<u8>, Vec<u8>)>,
        body: &[u8],
    ) -> PyResult<()> {
        let text = |bytes: Vec<u8>| bytes.into_iter().map(char::from).collect::<String>();
        let headers: Vec<(String, String)> =
            headers.into_iter().map(|(name, value)| (text(name).to_ascii_lowercase(), text(value))).collect();
        self.server()?.front.respond(conn, seq, status, &headers, body);
        Ok(())
    }

    /// A call of the event loop; returns its ticket.
    fn submit(&mut self, verb: &str, params: &Bound<'_, PyDict>, body: &[u8]) -> PyResult<u64> {
        if verb == METRICS {
            return Ok(self.server()?.metrics());
        }
        let act = known(verb)?;
        let params = call_params(params)?;
        Ok(self.server()?.submit(act, params, body.to_vec()))
    }

    /// Answers all parked polls; later ones get nothing.
    fn drain_polls(&mut self) -> PyResult<()> {
        self.server()?.drain_polls();
        Ok(())
    }

    /// Flushes and closes.
    fn close(&mut self, py: Python<'_>) {
        if let Some(mut server) = self.server.take() {
            py.detach(move || server.close());
        }
    }
}

/// The verb of a name, or `ValueError`.
pub fn known(name: &str) -> PyResult<Verb> {
    verb(name).ok_or_else(|| PyValueError::new_err(format!("there is no verb {name}")))
}

//! Definitions: registered ones, and the snapshots that executions run on.

use super::events::Handlers;
use fastcond_engine::graph::{compile, embed};
use fastcond_engine::{Definitions, Graph};
use fastcond_expr::secrets::Secrets;
use fastcond_model::def::EventHandler;
use fastcond_model::{DefId, TaskDef, WorkflowDef};
use fastcond_queue::{Admissions, PollData};
use hashbrown::{HashMap, HashSet};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Snapshots kept compiled at most; more are compiled again from the archive when needed.
const SNAPSHOTS_MAX: usize = 20_000;

/// All definitions.
#[derive(Debug, Default)]
pub struct Registry {
    workflows: Arc<BTreeMap<String, BTreeMap<i32, Arc<WorkflowDef>>>>,
    tasks: Arc<BTreeMap<String, Arc<TaskDef>>>,
    /// Event handlers.
    pub events: Handlers,
    environment: BTreeMap<String, String>,
    secrets: Secrets,
    compiled: RefCell<Compiled>,
}

/// Compiled snapshots, and which of them the journal already holds.
#[derive(Debug, Default)]
struct Compiled {
    by_id: HashMap<DefId, Arc<Graph>>,
    by_name: HashMap<String, OfName>,
    stored: HashSet<DefId>,
}

/// What is known of a name until some definition changes.
#[derive(Debug, Default)]
struct OfName {
    /// The highest version, once somebody asked for it.
    highest: Option<i32>,
    graphs: BTreeMap<i32, Arc<Graph>>,
}

impl Registry {
    /// An empty registry whose expressions may read `environment`, and whose tasks may be given `secrets`.
    pub fn new(environment: Vec<(String, String)>, secrets: Secrets) -> Self {
        Self { environment: environment.into_iter().collect(), secrets, ..Self::default() }
    }

    /// Secrets that tasks may be given.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Environment entries that expressions may read, by name.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// One environment entry.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }

    /// The same definitions for a machine that keeps nothing: without copying them, and with a cache of its own.
    #[must_use]
    pub fn shared(&self) -> Self {
        Self {
            workflows: self.workflows.clone(),
            tasks: self.tasks.clone(),
            environment: self.environment.clone(),
            events: Handlers::default(),
            secrets: Secrets::default(),
            compiled: RefCell::default(),
        }
    }

    /// Registered versions of a name, ascending.
    pub fn versions(&self, name: &str) -> impl DoubleEndedIterator<Item = &Arc<WorkflowDef>> {
        self.workflows.get(name).into_iter().flat_map(BTreeMap::values)
    }

    /// Every registered definition, by name and version.
    pub fn workflows(&self) -> impl Iterator<Item = &Arc<WorkflowDef>> {
        self.workflows.values().flat_map(BTreeMap::values)
    }

    /// Registered names.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.workflows.keys()
    }

    /// One definition; no version means the highest.
    pub fn workflow_def(&self, name: &str, version: Option<i32>) -> Option<&Arc<WorkflowDef>> {
        let versions = self.workflows.get(name)?;
        match version {
            Some(version) => versions.get(&version),
            None => versions.values().next_back(),
        }
    }

    /// Stores a definition.
    pub fn put_workflow(&mut self, def: WorkflowDef) {
        let name = def.name().to_owned();
        Arc::make_mut(&mut self.workflows).entry(name).or_default().insert(def.version, Arc::new(def));
        self.compiled.get_mut().by_name.clear();
    }

    /// Deletes a definition; false when there is none.
    pub fn delete_workflow(&mut self, name: &str, version: i32) -> bool {
        let workflows = Arc::make_mut(&mut self.workflows);
        let Some(versions) = workflows.get_mut(name) else { return false };
        let was_there = versions.remove(&version).is_some();
        if versions.is_empty() {
            workflows.remove(name);
        }
        self.compiled.get_mut().by_name.clear();
        was_there
    }

    /// Every task definition, by name.
    pub fn task_defs(&self) -> impl Iterator<Item = &Arc<TaskDef>> {
        self.tasks.values()
    }

    /// One task definition.
    pub fn task_def(&self, name: &str) -> Option<&Arc<TaskDef>> {
        self.tasks.get(name)
    }

    /// Stores a task definition.
    pub fn put_task(&mut self, def: TaskDef) {
        let name = def.name.clone().unwrap_or_default();
        Arc::make_mut(&mut self.tasks).insert(name, Arc::new(def));
        self.compiled.get_mut().by_name.clear();
    }

    /// Deletes a task definition; false when there is none.
    pub fn delete_task(&mut self, name: &str) -> bool {
        self.compiled.get_mut().by_name.clear();
        Arc::make_mut(&mut self.tasks).remove(name).is_some()
    }

    /// Stores an event handler.
    pub fn put_event_handler(&mut self, handler: EventHandler) {
        self.events.put(handler, &self.environment);
    }

    /// A compiled snapshot, when it is at hand.
    pub fn snapshot(&self, id: DefId) -> Option<Arc<Graph>> {
        self.compiled.borrow().by_id.get(&id).cloned()
    }

    /// Compiles a stored snapshot; `is_stored` when the journal or archive holds it.
    pub fn adopt_snapshot(&self, text: &str, is_stored: bool) -> Arc<Graph> {
        let def: WorkflowDef = serde_json::from_str(text).expect("a stored snapshot is a definition");
        let graph = Arc::new(compile(def).expect("a stored snapshot compiles"));
        self.keep(&graph);
        if is_stored {
            self.compiled.borrow_mut().stored.insert(graph.id);
        }
        graph
    }

    fn keep(&self, graph: &Arc<Graph>) {
        let mut compiled = self.compiled.borrow_mut();
        if compiled.by_id.len() >= SNAPSHOTS_MAX {
            compiled.by_id.clear();
            compiled.by_name.clear();
        }
        compiled.by_id.insert(graph.id, graph.clone());
    }

    /// Notes that the journal holds a snapshot; true when it was news.
    pub fn note_stored(&self, id: DefId) -> bool {
        self.compiled.borrow_mut().stored.insert(id)
    }

    /// Compiles a definition as an execution will run it: task definitions embedded, versions pinned (S-2.4, S-2.9).
    pub fn compile(&self, def: &WorkflowDef) -> Result<Arc<Graph>, String> {
        let mut def = def.clone();
        let mut task = |name: &str| self.tasks.get(name).map(|t| (**t).clone());
        let mut latest = |name: &str| self.workflow_def(name, None).map(|d| d.version);
        embed(&mut def, &mut task, &mut latest)
            .map_err(|name| format!("No such workflow found by name: {name}"))?;
        let graph = Arc::new(compile(def).map_err(|e| e.to_string())?);
        if let Some(known) = self.snapshot(graph.id) {
            return Ok(known);
        }
        self.keep(&graph);
        Ok(graph)
    }

    /// The snapshot of a registered definition, compiled once until some definition changes.
    pub fn registered(&self, name: &str, version: Option<i32>) -> Option<Result<Arc<Graph>, String>> {
        // What is there is up to date: a change of any definition clears it.
        let known = |version: Option<i32>| {
            let compiled = self.compiled.borrow();
            let of_name = compiled.by_name.get(name)?;
            of_name.graphs.get(&version.or(of_name.highest)?).cloned()
        };
        if let Some(graph) = known(version) {
            return Some(Ok(graph));
        }
        let def = self.workflow_def(name, version)?;
        let graph = known(Some(def.version)).map_or_else(|| self.compile(def), Ok);
        if let Ok(graph) = &graph {
            let mut compiled = self.compiled.borrow_mut();
            let of_name = compiled.by_name.entry(name.to_owned()).or_default();
            of_name.graphs.insert(def.version, graph.clone());
            if version.is_none() {
                of_name.highest = Some(def.version);
            }
        }
        Some(graph)
    }
}

/// The registry and the last polls, as a command may look at them.
#[derive(Clone, Copy, Debug)]
pub struct Looking<'a> {
    /// Definitions.
    pub registry: &'a Registry,
    /// Last polls.
    pub poll_data: &'a PollData,
    /// Who runs of those with a limit.
    pub admissions: &'a Admissions,
}

impl Definitions for Looking<'_> {
    fn workflow(&self, name: &str, version: Option<i32>) -> Option<Arc<Graph>> {
        self.registry.registered(name, version)?.ok()
    }

    fn inline(&self, def: &WorkflowDef) -> Result<Arc<Graph>, String> {
        self.registry.compile(def)
    }

    fn stored(&self, id: DefId) -> Option<Arc<Graph>> {
        self.registry.snapshot(id)
    }

    fn task(&self, name: &str) -> Option<Arc<TaskDef>> {
        self.registry.task_def(name).cloned()
    }

    fn latest_version(&self, name: &str) -> Option<i32> {
        self.registry.workflow_def(name, None).map(|d| d.version)
    }

    fn is_polled(&self, task_type: &str, domain: &str, now_ms: i64) -> bool {
        self.poll_data.is_active(task_type, Some(domain), now_ms)
    }

    fn has_room(&self, workflow: &str, key: &str, limit: usize) -> bool {
        self.admissions.has_room(workflow, key, limit)
    }

    fn is_heard(&self, event: &str) -> bool {
        self.registry.events.is_heard(event)
    }

    fn environment(&self, name: &str) -> Option<String> {
        self.registry.variable(name).map(str::to_owned)
    }

    fn with_secrets(&self, payload: &str) -> Option<String> {
        self.registry.secrets.filled(payload)
    }
}

//! Searches over tasks, and over executions by their tasks (rest-api 3.1 rows 23 and 24, 5 rows 19 and 20).

use super::Verb::Begin;
use super::search::{self, Page, Shape};
use super::{Params, Verb};
use crate::machine::Machine;
use crate::machine::shelf::Ask;
use crate::reply::{Failure, ReplyTo};
use fastcond_engine::view::task::{self as view, Shown};
use fastcond_engine::{Graph, Live, graph};
use fastcond_json::ObjectWriter;
use fastcond_model::{DefId, Execution};
use fastcond_store::search::Over;
use fastcond_store::{ArchiveReader, SearchQuery, StoreFault, TaskHit};
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("tasks.search", Begin(|m, to, p, _| tasks(m, to, p, TaskShape::Summary))),
    ("tasks.search_v2", Begin(|m, to, p, _| tasks(m, to, p, TaskShape::Task))),
    ("workflow.search_by_tasks", Begin(|m, to, p, _| by_tasks(m, to, p, Shape::Summary))),
    ("workflow.search_by_tasks_v2", Begin(|m, to, p, _| by_tasks(m, to, p, Shape::Workflow))),
];

/// What a task looks like.
#[derive(Clone, Copy, Debug)]
enum TaskShape {
    Summary,
    Task,
}

fn query(params: &Params) -> Result<SearchQuery, Failure> {
    let Page { start, size } = search::page(params, "searchTasks.arg1", "tasks")?;
    let text = |name: &str| params.get(name).unwrap_or_default();
    let query = SearchQuery::parse_over(Over::Tasks, text("query"), text("freeText"), text("sort"));
    Ok(query.map_err(|mistake| Failure::bad_request(mistake.to_string()))?.page(start, size))
}

fn ask(
    machine: &mut Machine,
    to: ReplyTo,
    answer: impl FnOnce(&ArchiveReader) -> Result<String, StoreFault> + Send + 'static,
) -> Result<(), Failure> {
    search::need_index(machine)?;
    if !machine.options.search.tasks {
        return Err(Failure::new(
            501,
            "Searching tasks is switched off by store.search_tasks. Start the server with FASTCOND_SEARCH_TASKS=on",
        ));
    }
    machine.ask(Ask { to, question: Box::new(move |reader| search::answer(answer(reader))) });
    Ok(())
}

fn tasks(machine: &mut Machine, to: ReplyTo, params: &Params, shape: TaskShape) -> Result<(), Failure> {
    let (query, now_ms) = (query(params)?, machine.now_ms);
    ask(machine, to, move |reader| {
        let (total, hits) = reader.search_tasks(&query)?;
        let mut reading = Reading { reader, graphs: HashMap::new(), last: None };
        let (mut results, mut dropped) = (String::new(), 0);
        let mut list = fastcond_json::ArrayWriter::begin(&mut results);
        for hit in hits {
            let live = reading.live(hit.execution)?;
            let Some((live, task)) = live.and_then(|live| Some((live, live.execution.tasks.get(hit.no)?)))
            else {
                dropped += 1;
                continue;
            };
            match shape {
                TaskShape::Summary => view::write_summary(live, task, now_ms, list.element()),
                TaskShape::Task => {
                    view::write(live, task, Shown { now_ms, for_worker: None, hides: true }, list.element());
                }
            }
        }
        list.end();
        Ok(counted(total - dropped, &results))
    })
}

fn by_tasks(machine: &mut Machine, to: ReplyTo, params: &Params, shape: Shape) -> Result<(), Failure> {
    let query = query(params)?;
    ask(machine, to, move |reader| {
        let (total, hits) = reader.search_tasks(&query)?;
        let mut seen = HashSet::new();
        let ids: Vec<_> =
            hits.iter().map(|TaskHit { execution, .. }| *execution).filter(|id| seen.insert(*id)).collect();
        let (written, results) = search::written(reader, ids, shape)?;
        // Task hits, less those of this page that are not results of their own (rest-api 10).
        Ok(counted(total - (hits.len() as u64 - written), &results))
    })
}

fn counted(total: u64, results: &str) -> String {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.i64("totalHits", i64::try_from(total).unwrap_or(i64::MAX)).raw("results", results);
    object.end();
    out
}

/// Executions read one after the other; most of a page run on few definitions, and neighbours are often of one execution.
struct Reading<'r> {
    reader: &'r ArchiveReader,
    graphs: HashMap<DefId, Option<Arc<Graph>>>,
    last: Option<Live>,
}

impl Reading<'_> {
    fn live(&mut self, id: [u8; 16]) -> Result<Option<&Live>, StoreFault> {
        if self.last.as_ref().is_none_or(|live| live.execution.id.bytes() != id) {
            self.last = match search::read(self.reader, id)? {
                Some(execution) => {
                    let graph = self.graph(&execution)?;
                    graph.map(|graph| Live::new(execution, graph))
                }
                None => None,
            };
        }
        Ok(self.last.as_ref())
    }

    fn graph(&mut self, execution: &Execution) -> Result<Option<Arc<Graph>>, StoreFault> {
        if let Some(known) = self.graphs.get(&execution.header.def) {
            return Ok(known.clone());
        }
        let def = serde_json::from_str(&search::definition(self.reader, execution)?).unwrap_or_default();
        let graph = graph::compile(def).ok().map(Arc::new);
        self.graphs.insert(execution.header.def, graph.clone());
        Ok(graph)
    }
}

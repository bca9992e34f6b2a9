//! Searches, answered by the archive behind everything that happened so far (rest-api 10, read your writes).

use super::Verb::Begin;
use super::{Params, Verb};
use crate::machine::Machine;
use crate::machine::records;
use crate::machine::shelf::{Ask, Question};
use crate::reply::{Failure, Reply, ReplyTo};
use fastcond_engine::validate::Violation;
use fastcond_engine::view::masking::fields_of;
use fastcond_engine::view::{summary, workflow};
use fastcond_engine::{Live, graph};
use fastcond_json::{ArrayWriter, ObjectWriter};
use fastcond_model::{DefId, Execution, WorkflowDef, WorkflowStatus, codec};
use fastcond_store::search::{Condition, Field};
use fastcond_store::{ArchiveReader, SearchQuery, StoreFault};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use std::sync::Arc;

/// The most results one search may ask for.
const SIZE_MAX: u32 = 5_000;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("workflow.search", Begin(|m, to, p, _| search(m, to, p, Shape::Summary))),
    ("workflow.search_v2", Begin(|m, to, p, _| search(m, to, p, Shape::Workflow))),
];

/// What a result looks like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A `WorkflowSummary`.
    Summary,
    /// A `Workflow` without its tasks.
    Workflow,
}

/// Which results are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// How many to skip.
    pub start: u32,
    /// How many at most.
    pub size: u32,
}

/// Reads the page of a search; a larger one than is given out is the argument `path` gone wrong (B-15.6).
pub fn page(params: &Params, path: &str, what: &str) -> Result<Page, Failure> {
    let start = params.number("start")?.unwrap_or(0);
    let size: u32 = params.number("size")?.unwrap_or(100);
    if size > SIZE_MAX {
        let violation = Violation {
            path: String::new(),
            message: format!("Cannot return more than {SIZE_MAX} {what}. Please use pagination."),
            invalid_value: Some(size.to_string()),
        };
        return Err(Failure::invalid(path, vec![violation]));
    }
    Ok(Page { start, size })
}

fn query(params: &Params) -> Result<SearchQuery, Failure> {
    let Page { start, size } = page(params, "searchWorkflows.arg1", "workflows")?;
    let text = |name: &str| params.get(name).unwrap_or_default();
    let mut filter = text("query").to_owned();
    let mut also = |clause: String| {
        filter = if filter.trim().is_empty() { clause } else { format!("({filter}) AND {clause}") };
    };
    if let Some(classifier) = params.given("classifier") {
        also(format!("classifier IN ({classifier})"));
    }
    let mut query = {
        SearchQuery::parse(&filter, params.get("freeText").unwrap_or("*"), text("sort"), start, size)
            .map_err(|e| Failure::bad_request(e.to_string()))?
    };
    if params.flag("topLevelOnly", false)? {
        query = query.and(Condition::Unset(Field::ParentWorkflowId));
    }
    Ok(query)
}

fn search(machine: &mut Machine, to: ReplyTo, params: &Params, shape: Shape) -> Result<(), Failure> {
    let query = query(params)?;
    let question = move |reader: &ArchiveReader| answer(found(reader, &query, shape));
    ask(machine, to, Box::new(question))
}

/// Puts a question to the archive that only its indexes can answer in good time; refused when it has none.
pub fn ask(machine: &mut Machine, to: ReplyTo, question: Question) -> Result<(), Failure> {
    need_index(machine)?;
    machine.ask(Ask { to, question });
    Ok(())
}

/// Refuses what only indexes can answer when there are none.
pub fn need_index(machine: &Machine) -> Result<(), Failure> {
    if !machine.options.search.executions {
        return Err(Failure::new(
            501,
            "Search is switched off by --search-index off. Start the server with --search-index on to search",
        ));
    }
    Ok(())
}

/// The reply of what an archive was asked for.
pub fn answer(result: Result<String, StoreFault>) -> Reply {
    match result {
        Ok(body) => Reply::json(body),
        Err(fault) => Reply::failure(&Failure::unreadable(&fault), ""),
    }
}

fn found(reader: &ArchiveReader, query: &SearchQuery, shape: Shape) -> Result<String, StoreFault> {
    let (total, docs) = reader.search(query)?;
    let (written, results) = written(reader, docs.iter().map(|doc| doc.id), shape)?;
    // Some may have gone since the index was read; an execution that goes later is counted on other pages.
    let total = total - (docs.len() as u64 - written);
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.i64("totalHits", i64::try_from(total).unwrap_or(i64::MAX)).raw("results", &results);
    object.end();
    Ok(out)
}

/// Executions as a JSON list, those left out that are gone; how many there are, and the list.
pub fn written(
    reader: &ArchiveReader,
    ids: impl IntoIterator<Item = [u8; 16]>,
    shape: Shape,
) -> Result<(u64, String), StoreFault> {
    let mut out = String::new();
    let mut list = ArrayWriter::begin(&mut out);
    let mut count = 0;
    // Most of a page run on few definitions.
    let mut definitions: HashMap<DefId, Definition> = HashMap::new();
    for id in ids {
        let Some(execution) = read(reader, id)? else { continue };
        count += 1;
        let known = match definitions.entry(execution.header.def) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(Definition::of(definition(reader, &execution)?)),
        };
        match shape {
            Shape::Summary => {
                summary::write(&execution, &known.classifier, &known.masked_fields, list.element());
            }
            Shape::Workflow => workflow::write_without_tasks(&execution, &known.text, list.element()),
        }
    }
    list.end();
    Ok((count, out))
}

/// What is shown of a definition, read once for a page.
struct Definition {
    classifier: String,
    masked_fields: Vec<String>,
    text: String,
}

impl Definition {
    fn of(text: String) -> Self {
        let classifier = serde_json::from_str::<WorkflowDef>(&text).unwrap_or_default().classifier();
        let masked_fields = fields_of(&text).into_iter().map(String::from).collect();
        Self { classifier, masked_fields, text }
    }
}

/// An execution of the archive; none if it is gone.
pub fn read(reader: &ArchiveReader, id: [u8; 16]) -> Result<Option<Execution>, StoreFault> {
    let Some(record) = reader.load(&id)? else { return Ok(None) };
    Ok(Some(codec::apply(None, &record).expect("an archived record is readable")))
}

/// The definition an execution runs on, as JSON.
pub fn definition(reader: &ArchiveReader, execution: &Execution) -> Result<String, StoreFault> {
    let bytes = reader.thing(records::SNAPSHOT, &execution.header.def.key())?;
    Ok(bytes.and_then(|b| String::from_utf8(b).ok()).unwrap_or_else(|| "{}".to_owned()))
}

/// Executions by correlation id (rest-api 3, rows 4 and 5).
pub fn correlated(
    reader: &ArchiveReader,
    name: &str,
    ids: &[String],
    closed: bool,
    tasks: bool,
    is_map: bool,
) -> Reply {
    let mut out = String::new();
    let one = |id: &String| correlated_list(reader, name, id, closed, tasks);
    if !is_map {
        return answer(ids.first().map_or_else(|| Ok("[]".to_owned()), one));
    }
    let mut object = ObjectWriter::begin(&mut out);
    for id in ids {
        match one(id) {
            Ok(list) => {
                object.entry(id, &list);
            }
            Err(fault) => return answer(Err(fault)),
        }
    }
    object.end();
    Reply::json(out)
}

fn correlated_list(
    reader: &ArchiveReader,
    name: &str,
    correlation_id: &str,
    closed: bool,
    tasks: bool,
) -> Result<String, StoreFault> {
    let mut out = String::new();
    let mut list = ArrayWriter::begin(&mut out);
    for id in reader.ids_by_correlation(
        name,
        correlation_id,
        (!closed).then_some(WorkflowStatus::Running.text()),
    )? {
        let Some(execution) = read(reader, id)? else { continue };
        if !closed && execution.header.status != WorkflowStatus::Running {
            continue;
        }
        let text = definition(reader, &execution)?;
        if tasks {
            let def: WorkflowDef = serde_json::from_str(&text).unwrap_or_default();
            if let Ok(graph) = graph::compile(def) {
                let live = Live::new(execution, Arc::new(graph));
                workflow::write(&live, list.element(), workflow::Include::Tasks);
            }
        } else {
            workflow::write_without_tasks(&execution, &text, list.element());
        }
    }
    list.end();
    Ok(out)
}

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
use fastcond_store::{ArchiveReader, SearchQuery, StoreFault};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use std::sync::Arc;

/// The most results one workflow search may ask for.
const SIZE_MAX: u32 = 5_000;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("workflow.search", Begin(|m, to, p, _| search(m, to, p, Shape::Summary))),
    ("workflow.search_v2", Begin(|m, to, p, _| search(m, to, p, Shape::Workflow))),
];

/// What a result looks like.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Summary,
    Workflow,
}

fn query(params: &Params) -> Result<SearchQuery, Failure> {
    let start: u32 = params.number("start")?.unwrap_or(0);
    let size: u32 = params.number("size")?.unwrap_or(100);
    if size > SIZE_MAX {
        let violation = Violation {
            path: String::new(),
            message: format!("Cannot return more than {SIZE_MAX} workflows. Please use pagination."),
            invalid_value: Some(size.to_string()),
        };
        return Err(Failure::invalid("searchWorkflows.arg1", vec![violation]));
    }
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
        let top = fastcond_store::search::parse::filter("parentWorkflowId IS null");
        if let Ok(Some(condition)) = top {
            query = query.and(condition);
        }
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
    if !machine.options.search_index {
        return Err(Failure::new(
            501,
            "Search is switched off by --search-index off. Start the server with --search-index on to search",
        ));
    }
    machine.ask(Ask { to, question });
    Ok(())
}

fn answer(result: Result<String, StoreFault>) -> Reply {
    match result {
        Ok(body) => Reply::json(body),
        Err(fault) => Reply::failure(&Failure::unreadable(&fault), ""),
    }
}

fn found(reader: &ArchiveReader, query: &SearchQuery, shape: Shape) -> Result<String, StoreFault> {
    let (total, docs) = reader.search(query)?;
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.i64("totalHits", i64::try_from(total).unwrap_or(i64::MAX));
    let mut list = object.array("results");
    // Most of a page run on few definitions.
    let mut definitions: HashMap<DefId, String> = HashMap::new();
    for doc in docs {
        let Some(execution) = read(reader, doc.id)? else { continue };
        let text = match definitions.entry(execution.header.def) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(definition(reader, &execution)?),
        };
        match shape {
            Shape::Summary => {
                let classifier = doc.classifier.as_deref().unwrap_or("workflow");
                summary::write(&execution, classifier, &fields_of(text), list.element());
            }
            Shape::Workflow => workflow::write_without_tasks(&execution, text, list.element()),
        }
    }
    list.end();
    object.end();
    Ok(out)
}

fn read(reader: &ArchiveReader, id: [u8; 16]) -> Result<Option<Execution>, StoreFault> {
    let Some(record) = reader.load(&id)? else { return Ok(None) };
    Ok(Some(codec::apply(None, &record).expect("an archived record is readable")))
}

fn definition(reader: &ArchiveReader, execution: &Execution) -> Result<String, StoreFault> {
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

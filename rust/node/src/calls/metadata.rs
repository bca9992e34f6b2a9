//! `/api/metadata`: task and workflow definitions (rest-api 6).

use super::Verb::{Act, Tell};
use super::{Params, Verb, typed};
use crate::machine::{Machine, records};
use crate::reply::{Failure, Reply};
use fastcond_engine::validate::{self, Violation};
use fastcond_json::{ArrayWriter, ObjectWriter};
use fastcond_model::{TaskDef, WorkflowDef};
use serde::Serialize;
use std::sync::Arc;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("taskdefs.create", Act(create_tasks)),
    ("taskdefs.update", Act(update_task)),
    ("taskdefs.list", Tell(|m| list(m.registry.task_defs()))),
    ("taskdefs.get", Act(read_task)),
    ("taskdefs.delete", Act(delete_task)),
    ("workflowdefs.create", Act(create_workflow)),
    ("workflowdefs.update", Act(update_workflows)),
    ("workflowdefs.validate", Act(validate_workflow)),
    ("workflowdefs.list", Act(|m, p, _| Ok(list_workflows(m, p)))),
    ("workflowdefs.get", Act(read_workflow)),
    ("workflowdefs.latest", Tell(latest)),
    ("workflowdefs.names", Tell(names)),
    ("workflowdefs.names_and_versions", Tell(names_and_versions)),
    ("workflowdefs.versions", Act(versions)),
    ("workflowdefs.delete", Act(delete_workflow)),
];

fn written<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a definition read from JSON can be written")
}

fn list<'a, T: Serialize + 'a>(items: impl Iterator<Item = &'a Arc<T>>) -> Reply {
    let mut out = String::new();
    let mut list = ArrayWriter::begin(&mut out);
    for item in items {
        list.raw(&written(&**item));
    }
    list.end();
    Reply::json(out)
}

fn empty_list(method: &str, message: &str) -> Failure {
    let violation = Violation { path: String::new(), message: message.to_owned(), invalid_value: None };
    Failure::invalid(&format!("{method}.arg0"), vec![violation])
}

fn create_tasks(machine: &mut Machine, _: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let defs: Vec<TaskDef> = typed(body)?;
    if defs.is_empty() {
        return Err(empty_list("registerTaskDef", "TaskDefList cannot be empty or null"));
    }
    let mut found = Vec::new();
    for (at, def) in defs.iter().enumerate() {
        found.extend(at_index(at, validate::task_def(def, machine.scripts())));
    }
    if !found.is_empty() {
        return Err(Failure { violations: found, ..Failure::invalid("", Vec::new()) });
    }
    for mut def in defs {
        def.create_time = machine.now_ms;
        def.created_by = Some(String::new());
        def.update_time = 0;
        def.updated_by = None;
        store_task(machine, def);
    }
    Ok(Reply::done())
}

fn at_index(at: usize, found: Vec<Violation>) -> Vec<Violation> {
    Failure::invalid(&format!("registerTaskDef.arg0[{at}]"), found).violations
}

fn store_task(machine: &mut Machine, def: TaskDef) {
    let name = def.name.clone().unwrap_or_default();
    machine.put_thing(records::TASK_DEF, &name, Some(written(&def).into_bytes()));
    machine.registry.put_task(def);
}

fn update_task(machine: &mut Machine, _: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let mut def: TaskDef = typed(body)?;
    let found = validate::task_def(&def, machine.scripts());
    if !found.is_empty() {
        return Err(Failure::invalid("updateTaskDef.arg0", found));
    }
    let name = def.name.clone().unwrap_or_default();
    let Some(old) = machine.registry.task_def(&name) else {
        return Err(Failure::not_found(format!("No such task by name {name}")));
    };
    def.create_time = old.create_time;
    def.created_by.clone_from(&old.created_by);
    def.update_time = machine.now_ms;
    def.updated_by = Some(String::new());
    store_task(machine, def);
    Ok(Reply::done())
}

fn read_task(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let name = params.need("tasktype")?;
    let def = machine.registry.task_def(name);
    def.map(|def| Reply::json(written(&**def)))
        .ok_or_else(|| Failure::not_found(format!("No such taskType found by name: {name}")))
}

fn delete_task(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let name = params.need("tasktype")?;
    if !machine.registry.delete_task(name) {
        return Err(Failure::not_found(format!("No such task definition: {name}")));
    }
    machine.put_thing(records::TASK_DEF, name, None);
    Ok(Reply::done())
}

fn check_workflow(machine: &mut Machine, prefix: &str, def: &WorkflowDef) -> Vec<Violation> {
    let found = validate::workflow_def(def, machine.scripts());
    Failure::invalid(prefix, found).violations
}

fn refuse(found: Vec<Violation>) -> Result<(), Failure> {
    if found.is_empty() {
        Ok(())
    } else {
        Err(Failure { violations: found, ..Failure::invalid("", Vec::new()) })
    }
}

fn store_workflow(machine: &mut Machine, def: WorkflowDef) {
    let key = format!("{}\0{}", def.name(), def.version);
    machine.put_thing(records::WORKFLOW_DEF, &key, Some(written(&def).into_bytes()));
    machine.registry.put_workflow(def);
}

fn create_workflow(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let overwrites = params.flag("overwrite", false)?;
    let mut def: WorkflowDef = typed(body)?;
    refuse(check_workflow(machine, "registerWorkflowDef.arg0", &def))?;
    let exists = machine.registry.workflow_def(def.name(), Some(def.version)).is_some();
    if exists && !overwrites {
        return Err(Failure::conflict(format!(
            "Workflow with {}.{} already exists!",
            def.name(),
            def.version
        )));
    }
    if exists {
        def.update_time = machine.now_ms;
    } else {
        def.create_time = machine.now_ms;
    }
    store_workflow(machine, def);
    Ok(Reply::done())
}

fn update_workflows(machine: &mut Machine, _: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let defs: Vec<WorkflowDef> = typed(body)?;
    if defs.is_empty() {
        return Err(empty_list("updateWorkflowDef", "WorkflowDef list name cannot be null or empty"));
    }
    let mut found = Vec::new();
    for (at, def) in defs.iter().enumerate() {
        found.extend(check_workflow(machine, &format!("updateWorkflowDef.arg0[{at}]"), def));
    }
    refuse(found)?;
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.raw("bulkErrorResults", "{}");
    let mut names = object.array("bulkSuccessfulResults");
    for mut def in defs {
        names.str(def.name());
        def.update_time = machine.now_ms;
        store_workflow(machine, def);
    }
    names.end();
    object.end();
    Ok(Reply::json(out))
}

fn validate_workflow(machine: &mut Machine, _: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let def: WorkflowDef = typed(body)?;
    refuse(check_workflow(machine, "validateWorkflowDef.arg0", &def))?;
    Ok(Reply::done())
}

fn list_workflows(machine: &Machine, params: &Params) -> Reply {
    let wanted = params.given("classifier").map(|c| c.trim().to_lowercase());
    let matches =
        |def: &&Arc<WorkflowDef>| wanted.as_ref().is_none_or(|w| def.classifier().to_lowercase() == *w);
    list(machine.registry.workflows().filter(matches))
}

fn read_workflow(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let name = params.need("name")?;
    let version = params.number("version")?;
    let def = machine.registry.workflow_def(name, version);
    def.map(|def| Reply::json(written(&**def))).ok_or_else(|| {
        let shown = version.map_or_else(|| "null".to_owned(), |v: i32| v.to_string());
        Failure::not_found(format!("No such workflow found by name: {name}, version: {shown}"))
    })
}

fn latest(machine: &mut Machine) -> Reply {
    let names: Vec<String> = machine.registry.names().cloned().collect();
    let newest: Vec<&Arc<WorkflowDef>> =
        names.iter().filter_map(|name| machine.registry.workflow_def(name, None)).collect();
    list(newest.into_iter())
}

fn names(machine: &mut Machine) -> Reply {
    let mut out = String::new();
    let mut list = ArrayWriter::begin(&mut out);
    for name in machine.registry.names() {
        list.str(name);
    }
    list.end();
    Reply::json(out)
}

fn write_summary(list: &mut ArrayWriter<'_>, def: &WorkflowDef, with_update: bool) {
    let mut item = list.object();
    item.str("name", def.name()).i64("version", i64::from(def.version)).i64("createTime", def.create_time);
    if with_update {
        item.i64("updateTime", def.update_time);
    }
    item.end();
}

fn names_and_versions(machine: &mut Machine) -> Reply {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for name in machine.registry.names() {
        let mut text = String::new();
        let mut list = ArrayWriter::begin(&mut text);
        for def in machine.registry.versions(name) {
            write_summary(&mut list, def, true);
        }
        list.end();
        object.entry(name, &text);
    }
    object.end();
    Reply::json(out)
}

fn versions(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let mut out = String::new();
    let mut list = ArrayWriter::begin(&mut out);
    for def in machine.registry.versions(params.need("name")?) {
        write_summary(&mut list, def, false);
    }
    list.end();
    Ok(Reply::json(out))
}

fn delete_workflow(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let name = params.need("name")?;
    let version: i32 = params.number("version")?.ok_or_else(|| Failure::bad_request("version is missing"))?;
    if !machine.registry.delete_workflow(name, version) {
        return Err(Failure::not_found(format!("No such workflow definition: {name} version: {version}")));
    }
    machine.put_thing(records::WORKFLOW_DEF, &format!("{name}\0{version}"), None);
    Ok(Reply::done())
}

//! FORK_JOIN_DYNAMIC (S-24): children made from data, and the JOIN that waits for them.

use super::{Behaviour, Mode, PLAIN, is_system};
use crate::graph::{Node, compile_step};
use crate::live::Place;
use crate::names;
use crate::step::{Step, TASKS_MAX};
use fastcond_json::{Kind, ObjectWriter, Raw, as_i64, as_str, elements, get, kind, members, merged};
use fastcond_model::{DynSpec, NodeRef, SubWorkflowParams, TaskChange, TaskNo, TaskStatus, WorkflowTask};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub(super) static FORK_JOIN_DYNAMIC: Behaviour = Behaviour {
    word: "FORK_JOIN_DYNAMIC",
    runs_as: Some("FORK"),
    is_named_by_type: true,
    mode: Mode::Mapped,
    is_never_retried: true,
    run,
    ..PLAIN
};

/// What is known of all children of forms A and B.
struct Alike {
    name: String,
    task_type: String,
    workflow: Option<SubWorkflowParams>,
    prefix: String,
    optional: bool,
}

fn run(step: &mut Step<'_, '_>, no: TaskNo, node: &Arc<Node>) {
    let expanded = match node.join {
        None => Err(format!("Dynamic join definition is not followed by a join task: {}", node.reference)),
        Some(join) => children(step, node, &step.live.task(no).input.clone()).map(|list| (join, list)),
    };
    let checked = expanded.and_then(|(join, list)| {
        check_width(step, list.len())?;
        check_references(step, no, &list)?;
        Ok((join, list))
    });
    match checked {
        Ok((join, list)) => expand(step, no, join, list),
        // S-24.14 Do: the failed FORK stays, so that a retry expands again.
        Err(reason) => step.settle(no, TaskStatus::FailedWithTerminalError, Some(reason)),
    }
}

/// Completes the FORK and makes its children, as many as the step allows; the rest follows in further steps (G19).
fn expand(step: &mut Step<'_, '_>, no: TaskNo, join: u32, list: Vec<WorkflowTask>) {
    let mut steps: VecDeque<Raw> = list.iter().map(|child| Raw::of_checked(written(child))).collect();
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    let mut names = object.array("forkedTasks");
    for child in &list {
        names.str(child.reference());
    }
    names.end();
    let mut defs = object.array("forkedTaskDefs");
    for child in &steps {
        defs.raw(child);
    }
    defs.end();
    object.end();
    step.edit(no, TaskChange { input: true, ..TaskChange::default() }, |t| {
        t.input = Raw::of_checked(merged(&t.input, &out));
    });
    step.settle(no, TaskStatus::Completed, None);
    let join_no = step.next_no();
    for child in list {
        if step.is_spent() {
            step.live.put_expansion(no, steps);
            return;
        }
        let text = steps.pop_front().expect("a text for each child");
        make_child(step, no, join_no, &child, text);
    }
    close_expansion(step, no, join, join_no);
}

fn make_child(step: &mut Step<'_, '_>, no: TaskNo, join_no: TaskNo, child: &WorkflowTask, text: Raw) {
    step.spend(1);
    let place = Place::of(step.live.task(no));
    let node = Arc::new(compile_step(child, text.clone()).expect("a step that was written compiles"));
    let spec = Arc::new(DynSpec { step: text, join: join_no });
    let reference = names::at_place(step.live, &child.reference().into(), place);
    step.make(NodeRef::Dynamic(spec), &node, reference, place);
}

/// All children are there: now the JOIN.
fn close_expansion(step: &mut Step<'_, '_>, no: TaskNo, join: u32, join_no: TaskNo) {
    let place = Place::of(step.live.task(no));
    if !step.is_skipped(join, place) {
        step.mark_executed(no);
        let input = step.live.task(no).input.clone();
        let names = get(&input, "forkedTasks").unwrap_or("[]");
        step.make_dynamic_join(join_no, join, place, names);
    }
}

/// An execution may have so many tasks; a fork that would bring more fails as a whole.
fn check_width(step: &Step<'_, '_>, width: usize) -> Result<(), String> {
    if step.live.execution.tasks.len() + width > TASKS_MAX {
        return Err(format!(
            "a fork of {width} would bring the execution beyond the {TASKS_MAX} tasks that are allowed"
        ));
    }
    Ok(())
}

fn written(child: &WorkflowTask) -> String {
    serde_json::to_string(child).expect("a step read from JSON can be written")
}

/// Reference names must be there, differ, and be free (S-24.8, S-24.10).
fn check_references(step: &Step<'_, '_>, no: TaskNo, list: &[WorkflowTask]) -> Result<(), String> {
    let place = Place::of(step.live.task(no));
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for child in list {
        let reference = child.reference();
        if reference.is_empty() {
            return Err("a dynamic fork task has no taskReferenceName".to_owned());
        }
        for name in [child.name(), reference] {
            if let Some(why) = crate::names::too_long(name) {
                return Err(format!("a dynamic fork task has a name that {why}"));
            }
        }
        let full = names::at_place(step.live, &reference.into(), place);
        if !seen.insert(reference) || step.live.by_reference(&full).is_some() {
            return Err(format!("the reference name {reference} of a dynamic fork task is already in use"));
        }
    }
    Ok(())
}

/// The children of whichever form the input has (S-24.2).
fn children(step: &Step<'_, '_>, node: &Node, input: &str) -> Result<Vec<WorkflowTask>, String> {
    let mut list = if let Some(items) = get(input, "forkTaskInputs").filter(|v| kind(v) == Kind::Array) {
        let alike = alike(step, node, input)?;
        elements(items).enumerate().map(|(index, item)| from_element(&alike, index, item)).collect()
    } else if let Some(param) = node.step.dynamic_fork_tasks_param.as_deref() {
        from_list(node, input, param)?
    } else {
        from_legacy(node, input)?
    };
    for child in &mut list {
        if let Some(word) = child.workflow_task_type.take() {
            child.task_type = Some(word);
        }
        if child.task_definition.is_none() && child.kind() != "SUB_WORKFLOW" {
            child.task_definition = step.given.defs.task(child.name()).map(|def| Box::new((*def).clone()));
        }
    }
    Ok(list)
}

/// S-24.3 to S-24.6.
fn alike(step: &Step<'_, '_>, node: &Node, input: &str) -> Result<Alike, String> {
    let text = |key: &str| get(input, key).and_then(as_str).filter(|t| !t.is_empty()).map(String::from);
    let task_type = text("forkTaskType").unwrap_or_else(|| "SIMPLE".to_owned());
    let by_default = if is_system(&task_type) { task_type.clone() } else { node.reference.to_string() };
    let fork_name = text("forkTaskName").unwrap_or(by_default);
    let graph = &step.live.graph;
    let has_other_fork = graph.nodes.iter().any(|other| {
        &*other.type_word == "FORK_JOIN_DYNAMIC"
            && other.reference != node.reference
            && step.live.seen(&other.reference).is_some()
    });
    let prefix =
        if has_other_fork { format!("_{}_{fork_name}_", node.reference) } else { format!("_{fork_name}_") };
    let optional = node.step.optional;
    let Some(workflow) = text("forkTaskWorkflow") else {
        return Ok(Alike { name: fork_name, task_type, workflow: None, prefix, optional });
    };
    let version = match get(input, "forkTaskWorkflowVersion").filter(|v| *v != "null") {
        None => None,
        Some(v) => {
            let number = as_i64(v).or_else(|| as_str(v).and_then(|t| t.trim().parse().ok()));
            Some(number.ok_or_else(|| format!("forkTaskWorkflowVersion {v} is not a number"))?)
        }
    };
    let param = SubWorkflowParams {
        name: Some(workflow.clone()),
        version: version.map(Raw::from),
        ..SubWorkflowParams::default()
    };
    Ok(Alike {
        name: workflow,
        task_type: "SUB_WORKFLOW".to_owned(),
        workflow: Some(param),
        prefix,
        optional,
    })
}

/// S-24.5, S-24.7.
fn from_element(alike: &Alike, index: usize, item: &str) -> WorkflowTask {
    let is_map = kind(item) == Kind::Object;
    let mut own = String::new();
    let mut object = ObjectWriter::begin(&mut own);
    if !is_map {
        object.raw("input", item);
    }
    object.i64("__index", i64::try_from(index).unwrap_or(i64::MAX));
    object.end();
    let input = if is_map { merged(item, &own) } else { own };
    let whole = |key: &str| is_map.then(|| get(item, key)).flatten();
    let is_true = |key: &str| whole(key) == Some("true");
    let number = |key: &str| whole(key).and_then(as_i64).and_then(|n| i32::try_from(n).ok());
    let mut workflow = alike.workflow.clone();
    if let (Some(param), Some(domains)) = (workflow.as_mut(), whole("taskToDomain")) {
        param.task_to_domain = Some(Raw::of_checked(domains));
    }
    WorkflowTask {
        name: Some(alike.name.clone()),
        task_reference_name: Some(format!("{}{index}", alike.prefix)),
        task_type: Some(alike.task_type.clone()),
        input_parameters: Raw::of_checked(input),
        optional: alike.optional || is_true("optional"),
        permissive: is_true("permissive"),
        retry_count: number("retryCount"),
        start_delay: number("startDelay").unwrap_or(0).max(0),
        sub_workflow_param: workflow.map(Box::new),
        ..WorkflowTask::default()
    }
}

/// S-24.8.
fn from_list(node: &Node, input: &str, param: &str) -> Result<Vec<WorkflowTask>, String> {
    let unreadable = |e: &dyn std::fmt::Display| {
        format!("Input '{param}' is invalid. Cannot deserialize a list of Workflow Tasks from it: {e}")
    };
    let list =
        get(input, param).filter(|v| kind(v) == Kind::Array).ok_or_else(|| unreadable(&"not a list"))?;
    let mut children: Vec<WorkflowTask> = serde_json::from_str(list).map_err(|e| unreadable(&e))?;
    let inputs_param = node.step.dynamic_fork_tasks_input_param_name.as_deref().unwrap_or_default();
    let inputs = get(input, inputs_param).filter(|v| kind(v) == Kind::Object).ok_or_else(|| {
        format!("Input to the dynamically forked tasks is not a map -> expecting a map of K,V but found it missing or of another type: {inputs_param}")
    })?;
    // Looked up once per child: searching the text each time would be quadratic in the width.
    let inputs: BTreeMap<Cow<'_, str>, &str> =
        members(inputs).map(|(key, own)| (key.decoded(), own)).collect();
    for child in &mut children {
        child.input_parameters = match inputs.get(child.reference()).copied() {
            Some(own) if kind(own) == Kind::Object => Raw::of_checked(merged(&child.input_parameters, own)),
            Some("null") | None => child.input_parameters.clone(),
            Some(_) => {
                return Err(format!("the input of the dynamic fork task {} is not a map", child.reference()));
            }
        };
    }
    Ok(children)
}

/// S-24.9.
fn from_legacy(node: &Node, input: &str) -> Result<Vec<WorkflowTask>, String> {
    let param = node.step.dynamic_fork_join_tasks_param.as_deref().unwrap_or_default();
    let missing = || format!("Input '{param}' is invalid. Expecting a map with a list under 'dynamicTasks'");
    let list = get(input, param).and_then(|p| get(p, "dynamicTasks")).filter(|v| kind(v) == Kind::Array);
    let mut children = Vec::new();
    for item in elements(list.ok_or_else(missing)?) {
        let text = |key: &str| get(item, key).and_then(as_str).map(String::from);
        let own = get(item, "input").filter(|v| kind(v) == Kind::Object);
        let workflow = text("workflowName")
            .map(|name| Box::new(SubWorkflowParams { name: Some(name), ..SubWorkflowParams::default() }));
        children.push(WorkflowTask {
            name: text("taskName"),
            task_reference_name: text("referenceName"),
            task_type: Some(text("type").unwrap_or_else(|| "SIMPLE".to_owned())),
            input_parameters: own.map_or_else(Raw::empty_object, Raw::of_checked),
            sub_workflow_param: workflow,
            ..WorkflowTask::default()
        });
    }
    Ok(children)
}

impl Step<'_, '_> {
    /// Goes on with a dynamic fork whose children one step could not make; whether nothing is left to be made.
    pub fn expand_on(&mut self, no: TaskNo, join: u32) -> bool {
        let mut left = match self.live.take_expansion(no) {
            Some(left) => left,
            None => self.missing_children(no),
        };
        let join_no = self.number_of_join(no).unwrap_or_else(|| self.next_no());
        while let Some(text) = left.pop_front() {
            if self.is_spent() {
                left.push_front(text);
                self.live.put_expansion(no, left);
                return false;
            }
            let child: WorkflowTask = serde_json::from_str(&text).expect("a step that was written is read");
            make_child(self, no, join_no, &child, text);
        }
        close_expansion(self, no, join, join_no);
        true
    }

    /// The children that a fork named and that have no instance yet.
    fn missing_children(&self, no: TaskNo) -> VecDeque<Raw> {
        let task = self.live.task(no);
        let place = Place::of(task);
        let list = |key| get(&task.input, key).into_iter().flat_map(elements);
        let is_missing = |name: &str| {
            let base = as_str(name).unwrap_or_default();
            self.live.named(&names::at_place(self.live, &base.as_ref().into(), place)).is_none()
        };
        let pairs = list("forkedTasks").zip(list("forkedTaskDefs"));
        pairs.filter(|(name, _)| is_missing(name)).map(|(_, text)| Raw::of_checked(text)).collect()
    }

    /// The number that the first children of a fork know their JOIN by.
    fn number_of_join(&self, no: TaskNo) -> Option<TaskNo> {
        let task = self.live.task(no);
        let first = get(&task.input, "forkedTasks").into_iter().flat_map(elements).next().and_then(as_str)?;
        let reference = names::at_place(self.live, &first.as_ref().into(), Place::of(task));
        match &self.live.named(&reference)?.node {
            NodeRef::Dynamic(spec) => Some(spec.join),
            NodeRef::Static(_) | NodeRef::None => None,
        }
    }

    /// The JOIN of a dynamic fork: its names come from data (S-24.12).
    fn make_dynamic_join(&mut self, no: TaskNo, join: u32, place: Place, names: &str) {
        let node = self.live.graph.node(join).clone();
        let mut own = String::new();
        let mut object = ObjectWriter::begin(&mut own);
        object.raw("joinOn", names);
        object.end();
        let input = Raw::of_checked(merged(&node.step.input_parameters, &own));
        let reference = names::at_place(self.live, &node.reference, place);
        self.make_numbered(no, NodeRef::Static(join), &node, reference, place, Some(input));
    }
}

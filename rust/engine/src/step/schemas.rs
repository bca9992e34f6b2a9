//! Holding payloads to the schemas of their definitions (S-92.6).

use super::{SCRIPT_COST, Step, cut_reason};
use crate::command::Rejection;
use crate::graph::{Graph, Node};
use fastcond_expr::script::{ScriptError, Scripts};
use fastcond_json::{Raw, as_str, elements};
use fastcond_model::{TaskNo, TaskStatus};

impl Step<'_, '_> {
    /// Why the input that a step was mapped to cannot be taken; nothing for steps without an enforced schema.
    pub fn check_task_input(&mut self, node: &Node, input: &str) -> Result<(), String> {
        let schema = node.schemas.as_ref().and_then(|schemas| schemas.input.as_ref());
        self.hold(schema, input, "The input of the task")
    }

    /// Why an instance may not end as completed with that output.
    pub fn check_task_output(&mut self, no: TaskNo, status: TaskStatus, output: &str) -> Result<(), String> {
        if status != TaskStatus::Completed {
            return Ok(());
        }
        let node = self.live.node_of(self.live.task(no));
        let schema = node.as_ref().and_then(|node| node.schemas.as_ref()?.output.as_ref());
        self.hold(schema, output, "The output of the task")
    }

    /// Why the execution may not run on that input; a start or rerun is refused for it.
    pub fn check_workflow_input(&mut self, input: &str) -> Result<(), Rejection> {
        let graph = self.live.graph.clone();
        self.check_input_of(&graph, input)
    }

    /// Why an execution may not run a definition on that input.
    pub fn check_input_of(&mut self, graph: &Graph, input: &str) -> Result<(), Rejection> {
        self.hold(graph.schemas.input.as_ref(), input, "The input of the workflow")
            .map_err(Rejection::BadRequest)
    }

    /// Why the execution may not end as completed with that output.
    pub fn check_workflow_output(&mut self, output: &str) -> Result<(), String> {
        let graph = self.live.graph.clone();
        self.hold(graph.schemas.output.as_ref(), output, "The output of the workflow")
    }

    fn hold(&mut self, schema: Option<&Raw>, payload: &str, what: &str) -> Result<(), String> {
        let Some(schema) = schema else { return Ok(()) };
        self.spend(SCRIPT_COST);
        held(self.given.scripts, schema, payload, what)
    }
}

/// Why a schema cannot be used, or not now. It is evaluated where scripts are, of which its author need not hear.
pub fn unusable(error: ScriptError) -> String {
    match error {
        ScriptError::Syntax { message, .. } | ScriptError::Thrown { message, .. } => message,
        error => format!("it could not be validated: {error}"),
    }
}

/// What is wrong with a payload, as a reason; a schema that cannot be used lets nothing pass.
pub fn held(scripts: &mut Scripts, schema: &str, payload: &str, what: &str) -> Result<(), String> {
    let why = match scripts.violations(schema, payload) {
        Ok(list) => {
            let texts: Vec<_> = elements(&list).filter_map(as_str).collect();
            if texts.is_empty() {
                return Ok(());
            }
            texts.join("; ")
        }
        Err(error) => unusable(error),
    };
    Err(cut_reason(&format!("{what} does not follow its schema: {why}")).to_owned())
}

//! What a worker is told that nobody else may read: secrets in its input, and its runtime metadata (S-8.20, S-8.22).

use super::registry::Registry;
use fastcond_engine::graph::Node;
use fastcond_engine::view::task::ForWorker;
use fastcond_expr::secrets::MENTION;
use fastcond_json::ObjectWriter;
use fastcond_model::Task;

/// What differs in the copy of a task that is handed out; nothing for nearly all tasks.
pub fn for_worker(registry: &Registry, node: &Node, task: &Task) -> ForWorker {
    let may_mention = node.mentions_secrets || !registry.secrets().is_empty();
    let is_mentioned =
        may_mention && memchr::memmem::find(task.input.as_bytes(), MENTION.as_bytes()).is_some();
    let input = is_mentioned.then(|| registry.secrets().filled(&task.input)).flatten();
    let names = &node.task_def.runtime_metadata;
    let runtime_metadata = (!names.is_empty()).then(|| metadata(registry, names));
    ForWorker { input, runtime_metadata }
}

/// The named values, secrets before the environment; what there is not is left out.
fn metadata(registry: &Registry, names: &[String]) -> String {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for name in names {
        if let Some(value) = registry.secrets().get(name).or_else(|| registry.variable(name)) {
            object.entry(name, &fastcond_json::Raw::string(value));
        }
    }
    object.end();
    out
}

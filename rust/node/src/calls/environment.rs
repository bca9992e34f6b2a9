//! `/api/environment` and `/api/secrets`: what the server's own environment offers to definitions (rest-api 7).

use super::Verb::{Act, Tell};
use super::{Params, Verb};
use crate::machine::Machine;
use crate::reply::{Failure, Reply};
use fastcond_json::ArrayWriter;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] =
    &[("environment.list", Tell(list)), ("environment.get", Act(read)), ("secrets.names", Tell(names))];

fn list(machine: &mut Machine) -> Reply {
    let mut out = String::new();
    let mut list = ArrayWriter::begin(&mut out);
    for (name, value) in machine.registry.variables() {
        let mut item = list.object();
        item.str("name", name).str("value", value);
        item.end();
    }
    list.end();
    Reply::json(out)
}

fn read(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let value = machine.registry.variable(params.need("key")?);
    Ok(Reply::text(value.unwrap_or_default()))
}

/// Names alone: no road leads to a value but a task that was given it.
fn names(machine: &mut Machine) -> Reply {
    let mut out = String::new();
    let mut list = ArrayWriter::begin(&mut out);
    for name in machine.registry.secrets().names() {
        list.str(name);
    }
    list.end();
    Reply::json(out)
}

//! Payloads that clients keep outside of executions: where they lie, uploads, downloads (S-91.3, rest-api 3.1, 7).
//!
//! They are files in the data folder. Reading and writing happens on the archive's thread; only a start or report that
//! names a payload makes the engine read one.

use super::Verb::{Act, Begin};
use super::{Params, Verb, object};
use crate::machine::Machine;
use crate::machine::shelf::Ask;
use crate::reply::{Failure, Reply, ReplyTo};
use fastcond_json::{BYTES_MAX, Kind, Limits, ObjectWriter, Raw, kind};
use fastcond_store::payloads::is_payload_name;
use fastcond_store::{ArchiveReader, PayloadFiles};
use std::sync::Arc;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("workflow.externalstoragelocation", Act(location)),
    ("workflow.external_storage_location", Act(location)),
    ("tasks.externalstoragelocation", Act(location)),
    ("tasks.external_storage_location", Act(location)),
    ("payloads.read", Begin(read)),
    ("payloads.write", Begin(write)),
];

/// Where this server offers the payloads, below its own address.
const PATH: &str = "api/external/postgres/";

const KINDS: [&str; 4] = ["WORKFLOW_INPUT", "WORKFLOW_OUTPUT", "TASK_INPUT", "TASK_OUTPUT"];

fn missing(name: &str) -> Failure {
    Failure::not_found(format!("No payload is stored at {name}"))
}

/// A name that leads nowhere else.
fn checked(name: &str) -> Result<&str, Failure> {
    if is_payload_name(name) {
        return Ok(name);
    }
    Err(Failure::bad_request("path: the path of a payload has letters, digits, '.', '-' and '_' only"))
}

/// Where to upload a payload to, or to download it from; a path is made up for an upload that names none.
fn location(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let operation = params.need("operation")?.to_ascii_uppercase();
    let payload_type = params.need("payloadType")?.to_ascii_uppercase();
    if !KINDS.contains(&payload_type.as_str()) {
        return Err(Failure::bad_request(format!("payloadType: one of {}", KINDS.join(", "))));
    }
    let given = params.need("path")?;
    let path = match operation.as_str() {
        "WRITE" if given.trim().is_empty() => {
            let word = payload_type.to_ascii_lowercase().replace('_', "-");
            format!("{word}-{}.json", machine.new_id())
        }
        "READ" | "WRITE" => checked(given)?.to_owned(),
        _ => return Err(Failure::bad_request("operation: READ or WRITE")),
    };
    let base = params.get("base").unwrap_or("/");
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.str("uri", &format!("{base}{PATH}{path}")).str("path", &path);
    object.end();
    Ok(Reply::json(out))
}

fn files(machine: &Machine) -> Result<Arc<PayloadFiles>, Failure> {
    machine.payloads.clone().ok_or_else(|| Failure::not_found("This server has no external payload storage"))
}

fn read(machine: &mut Machine, to: ReplyTo, params: &Params, _: &[u8]) -> Result<(), Failure> {
    let name = checked(params.need("externalPayloadPath")?)?.to_owned();
    let (files, instance) = (files(machine)?, machine.options.instance.clone());
    let question = move |_: &ArchiveReader| match files.get(&name, BYTES_MAX as u64) {
        Ok(Some(bytes)) => Reply::json(bytes),
        Ok(None) => Reply::failure(&missing(&name), &instance),
        Err(fault) => Reply::failure(&Failure::unreadable(&fault), &instance),
    };
    machine.ask(Ask { to, question: Box::new(question) });
    Ok(())
}

/// Takes a payload, so that what is read back later is one.
fn write(machine: &mut Machine, to: ReplyTo, params: &Params, body: &[u8]) -> Result<(), Failure> {
    let name = checked(params.need("externalPayloadPath")?)?.to_owned();
    let payload = object(body)?;
    let (files, instance) = (files(machine)?, machine.options.instance.clone());
    let question = move |_: &ArchiveReader| match files.put(&name, payload.as_bytes()) {
        Ok(()) => Reply::done(),
        Err(fault) => Reply::failure(&Failure::unreadable(&fault), &instance),
    };
    machine.ask(Ask { to, question: Box::new(question) });
    Ok(())
}

/// A payload that a start or report names; it is kept with the record from now on, so that deciding needs no file.
///
/// 400 when there is none of that name.
pub fn read_back(machine: &Machine, path: &str) -> Result<Raw, Failure> {
    let absent = || Failure::bad_request(format!("No payload is stored at the external path {path}"));
    let Some(files) = &machine.payloads else { return Err(absent()) };
    let found = files.get(path, BYTES_MAX as u64).map_err(|fault| Failure::unreadable(&fault))?;
    let payload = found.and_then(|bytes| Raw::parse(&bytes, &Limits::DEFAULT).ok());
    payload.filter(|payload| kind(payload) == Kind::Object).ok_or_else(absent)
}

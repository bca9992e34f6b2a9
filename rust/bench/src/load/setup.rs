//! Registers the definitions a run needs.

use std::error::Error;

use serde_json::{Value, json};

use crate::http::blocking::Caller;
use crate::load::config::RunConfig;
use crate::profile::{Profile, task_definition};

/// Types registered with one call.
const TYPES_AT_ONCE: usize = 100;

/// Registers the task types and the workflows of this name; polls that find nothing need none.
pub fn register(config: &RunConfig, name: &str) -> Result<(), Box<dyn Error>> {
    if matches!(config.profile, Profile::IdlePolls(_)) {
        return Ok(());
    }
    let mut caller = Caller::new(config.url.clone());
    let names: Vec<String> = (0..config.types).map(|number| config.type_name(name, number)).collect();
    for names in names.chunks(TYPES_AT_ONCE) {
        let types: Vec<_> = names.iter().map(|name| task_definition(name)).collect();
        call(&mut caller, "POST", "/metadata/taskdefs", &types)?;
        let workflows: Vec<_> = names.iter().flat_map(|name| config.profile.definitions(name)).collect();
        call(&mut caller, "PUT", "/metadata/workflow", &workflows)?;
    }
    Ok(())
}

fn call(caller: &mut Caller, method: &str, path: &str, items: &[Value]) -> Result<(), Box<dyn Error>> {
    let answer = caller.call(method, path, Some(json!(items).to_string().as_bytes()))?;
    if !(200..300).contains(&answer.status) {
        let text = String::from_utf8_lossy(&answer.body).chars().take(500).collect::<String>();
        return Err(format!("{method} {path} was answered {}: {text}", answer.status).into());
    }
    Ok(())
}

//! Registers the definitions a run needs.

use std::error::Error;

use serde_json::json;

use crate::http::blocking::Caller;
use crate::load::config::RunConfig;
use crate::profile::task_definition;

/// Registers the task type and the workflow of this name.
pub fn register(config: &RunConfig, name: &str) -> Result<(), Box<dyn Error>> {
    let mut caller = Caller::new(config.url.clone());
    let calls = [
        ("POST", "/metadata/taskdefs", json!([task_definition(name)])),
        ("PUT", "/metadata/workflow", json!([config.profile.definition(name)])),
    ];
    for (method, call, body) in calls {
        let answer = caller.call(method, call, Some(body.to_string().as_bytes()))?;
        if !(200..300).contains(&answer.status) {
            let text = String::from_utf8_lossy(&answer.body).chars().take(500).collect::<String>();
            return Err(format!("{method} {call} was answered {}: {text}", answer.status).into());
        }
    }
    Ok(())
}

//! What a client may make a job call.

use apscheduler_core::suggestion;
use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::app::App;
use crate::problem::Problem;
use crate::redaction::{REDACTED, is_redacted};

/// Refuses a function that the program does not allow here.
pub(crate) fn check_function(app: &App, name: &str) -> Result<(), Problem> {
    if app.functions().iter().any(|allowed| allowed == name) {
        return Ok(());
    }
    let known = app.functions().iter().map(String::as_str);
    let detail = format!(
        "func: `{name}` may not be called by jobs that are added or changed here{}",
        suggestion::hint(name, "allowed functions", known)
    );
    Err(refused(detail).at("/func"))
}

/// Refuses values that are what this server shows in place of secrets.
pub(crate) fn check_secrets(entry: &Map<String, Value>) -> Result<(), Problem> {
    match entry.iter().find(|(_, value)| is_redacted(value)) {
        Some((key, _)) => {
            let detail = format!(
                "{key}: it contains `{REDACTED}`, which stands for a secret; send the secret, or leave `{key}` out"
            );
            Err(refused(detail).at(format!("/{key}")))
        }
        None => Ok(()),
    }
}

fn refused(detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The request is not valid", detail)
}

//! The handshake `V1_0`: the version of the protocol, and the login.

use std::time::Instant;

use serde_json::{Value, json};

use super::error::ClientError;
use super::frame::Frames;
use super::scram::Login;
use super::stream::Stream;
use super::target::Target;

/// The magic number of `V1_0`.
const VERSION: u32 = 0x34c2_bdc3;

/// The version of the protocol within `V1_0`.
const PROTOCOL: i64 = 0;

/// The codes of errors about the user or the password.
const DENIED: std::ops::RangeInclusive<i64> = 10..=20;

/// Logs in.
pub(super) fn log_in(
    stream: &mut Stream,
    frames: &mut Frames,
    target: &Target,
    deadline: Instant,
) -> Result<(), ClientError> {
    let login = Login::new(&target.user, &uuid::Uuid::new_v4().simple().to_string());
    let mut first = VERSION.to_le_bytes().to_vec();
    first.extend(message(&json!({
        "protocol_version": PROTOCOL,
        "authentication_method": "SCRAM-SHA-256",
        "authentication": login.message(),
    })));
    stream.write_all(&first, deadline)?;
    let mut answer = || answer(&frames.read_text(stream, deadline)?);
    let versions = answer()?;
    let bound = |key| versions.get(key).and_then(Value::as_i64).unwrap_or(PROTOCOL);
    let (lowest, highest) = (bound("min_protocol_version"), bound("max_protocol_version"));
    if !(lowest..=highest).contains(&PROTOCOL) {
        return Err(ClientError::protocol(format!(
            "the server speaks the protocol versions {lowest} to {highest}, and not {PROTOCOL}"
        )));
    }
    let challenge = authentication(&answer()?)?;
    let unexpected = || ClientError::protocol("the server's part of the login is not valid");
    let proven = login.prove(&target.password, &challenge).ok_or_else(unexpected)?;
    stream.write_all(&message(&json!({"authentication": proven.message})), deadline)?;
    let last = self::answer(&frames.read_text(stream, deadline)?)?;
    if proven.is_proven_by(&authentication(&last)?) { Ok(()) } else { Err(unexpected()) }
}

fn message(json: &Value) -> Vec<u8> {
    let mut message = json.to_string().into_bytes();
    message.push(0);
    message
}

fn answer(text: &str) -> Result<Value, ClientError> {
    let answer: Value = serde_json::from_str(text).map_err(|_| {
        // The server says in plain text that it is no RethinkDB server, or an old one.
        let text: String = text.chars().take(200).collect();
        ClientError::protocol(format!("not the handshake of RethinkDB 2.3 or later: {text}"))
    })?;
    if answer.get("success").and_then(Value::as_bool) == Some(true) {
        return Ok(answer);
    }
    let text = answer.get("error").and_then(Value::as_str).unwrap_or("no reason").to_owned();
    let code = answer.get("error_code").and_then(Value::as_i64);
    if code.is_some_and(|code| DENIED.contains(&code)) {
        return Err(ClientError::Denied(text));
    }
    Err(ClientError::Protocol(text))
}

fn authentication(answer: &Value) -> Result<String, ClientError> {
    let text = answer.get("authentication").and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| ClientError::protocol("the login has no answer"))
}

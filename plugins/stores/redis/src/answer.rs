//! The answers of scripts and commands.

use apscheduler_core::{Error, ErrorKind, Result};
use redis::Value;

use crate::names::STORE_NAME;

/// Returns the error for an answer of a type that was not expected.
pub(crate) fn unexpected(answer: &Value) -> Error {
    let kind = match answer {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) | Value::SimpleString(_) => "text",
        _ => "something else",
    };
    let message = format!("the server answered a script with {kind}, which it does not return");
    Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME)
}

/// Reads a list of texts.
pub(crate) fn texts(answer: Value) -> Result<impl Iterator<Item = Vec<u8>>> {
    let Value::Array(items) = answer else { return Err(unexpected(&answer)) };
    Ok(items.into_iter().map(|item| match item {
        Value::BulkString(text) => text,
        _ => Vec::new(),
    }))
}

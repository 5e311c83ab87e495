//! The headers of a job.

use serde_json::{Map, Value};
use ureq::http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_TYPE, TRANSFER_ENCODING, USER_AGENT,
};
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

/// The headers that are sent to another origin after a redirect. They can't contain secrets.
const SAFE: [HeaderName; 4] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, USER_AGENT];

/// The headers that describe a body.
const OF_BODY: [HeaderName; 3] = [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE];

pub(crate) fn parse(given: &Map<String, Value>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let (key, value) = header(name, value)?;
        // The names of headers are case-insensitive, the keys of a table are not.
        if headers.insert(key, value).is_some() {
            return Err(format!("headers: duplicate header `{name}`"));
        }
    }
    Ok(headers)
}

fn header(name: &str, value: &Value) -> Result<(HeaderName, HeaderValue), String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        // The value is not shown, since it may be a secret.
        Value::Array(_) | Value::Object(_) | Value::Null => {
            return Err(format!("headers.{name}: expected text, found {}", kind(value)));
        }
    };
    let key: HeaderName =
        name.parse().map_err(|_| format!("headers: {name:?} is not a valid header name"))?;
    if [CONTENT_LENGTH, TRANSFER_ENCODING].contains(&key) {
        return Err(format!("headers.{name}: can't be set, it is computed from the body"));
    }
    let mut value: HeaderValue = text.parse().map_err(|_| {
        format!("headers.{name}: the value has characters that are not allowed in a header")
    })?;
    value.set_sensitive(true);
    Ok((key, value))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
        _ => "nothing",
    }
}

pub(crate) fn retain_cross_origin_headers(headers: &mut HeaderMap) {
    keep(headers, |name| SAFE.contains(name));
}

pub(crate) fn remove_body_headers(headers: &mut HeaderMap) {
    keep(headers, |name| !OF_BODY.contains(name));
}

fn keep(headers: &mut HeaderMap, wanted: impl Fn(&HeaderName) -> bool) {
    let unwanted: Vec<HeaderName> = headers.keys().filter(|name| !wanted(name)).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
}

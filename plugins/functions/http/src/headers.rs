//! The headers that a job gives.

use serde_json::{Map, Value};
use ureq::http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_TYPE, TRANSFER_ENCODING, USER_AGENT,
};
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

/// Those that may follow a redirect to another origin: they say what is wanted, and nothing that could be a secret.
const HARMLESS: [HeaderName; 4] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, USER_AGENT];

/// Those that describe a body.
const OF_BODY: [HeaderName; 3] = [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE];

pub(crate) fn parse(given: &Map<String, Value>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let (key, value) = header(name, value)?;
        // Names of headers are the same in upper and lower case, the keys of a table are not.
        if headers.insert(key, value).is_some() {
            return Err(format!("headers: `{name}` is given twice"));
        }
    }
    Ok(headers)
}

fn header(name: &str, value: &Value) -> Result<(HeaderName, HeaderValue), String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        // The value is not shown: it may be a token.
        Value::Array(_) | Value::Object(_) | Value::Null => {
            return Err(format!("headers.{name}: expected text, found {}", kind(value)));
        }
    };
    let key: HeaderName =
        name.parse().map_err(|_| format!("headers: {name:?} is no name of a header"))?;
    if [CONTENT_LENGTH, TRANSFER_ENCODING].contains(&key) {
        return Err(format!("headers.{name}: leave it out; it follows from the body"));
    }
    let mut value: HeaderValue = text
        .parse()
        .map_err(|_| format!("headers.{name}: the value has characters that no header may have"))?;
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

pub(crate) fn keep_harmless(headers: &mut HeaderMap) {
    keep(headers, |name| HARMLESS.contains(name));
}

pub(crate) fn drop_those_of_body(headers: &mut HeaderMap) {
    keep(headers, |name| !OF_BODY.contains(name));
}

fn keep(headers: &mut HeaderMap, wanted: impl Fn(&HeaderName) -> bool) {
    let unwanted: Vec<HeaderName> = headers.keys().filter(|name| !wanted(name)).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
}

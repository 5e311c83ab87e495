//! What the function is called with.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use ureq::http::{HeaderName, HeaderValue, Method, Uri};

/// The checked arguments of the function.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Given")]
pub(crate) struct HttpOptions {
    pub(crate) uri: Uri,
    pub(crate) method: Method,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Option<Body>,
    pub(crate) timeout: Duration,
    /// Empty for all that begin with 2.
    pub(crate) expect: Vec<u16>,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Text(String),
    Json(String),
}

/// The arguments as a job has them.
#[derive(Deserialize)]
struct Given {
    url: String,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    timeout: Option<f64>,
    #[serde(default)]
    expect: Option<Value>,
}

impl TryFrom<Given> for HttpOptions {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        let body = given.body.filter(|body| !body.is_null()).map(|body| match body {
            Value::String(text) => Body::Text(text),
            other => Body::Json(other.to_string()),
        });
        let method = given.method.as_deref().map(method).transpose()?;
        let default = if body.is_some() { Method::POST } else { Method::GET };
        Ok(Self {
            uri: uri(&given.url)?,
            method: method.unwrap_or(default),
            headers: given.headers.iter().map(header).collect::<Result<_, _>>()?,
            body,
            timeout: given.timeout.map_or(Ok(Duration::from_secs(30)), timeout)?,
            expect: given.expect.as_ref().map(expect).transpose()?.unwrap_or_default(),
        })
    }
}

fn uri(text: &str) -> Result<Uri, String> {
    // The text is not shown: it may hold a password.
    let wrong = "url: expected a URL, as `https://example.org/health`";
    let uri: Uri = text.parse().map_err(|_| wrong.to_owned())?;
    if uri.host().is_none_or(str::is_empty) || !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong.to_owned());
    }
    Ok(uri)
}

fn method(text: &str) -> Result<Method, String> {
    let wrong = || {
        format!(
            "method: `{text}` is no method of HTTP; expected GET, POST, PUT, PATCH, DELETE or HEAD"
        )
    };
    Method::from_bytes(text.to_ascii_uppercase().as_bytes()).map_err(|_| wrong())
}

fn header((name, value): (&String, &Value)) -> Result<(HeaderName, HeaderValue), String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        other => return Err(format!("headers.{name}: expected text, found {other}")),
    };
    let name: HeaderName =
        name.parse().map_err(|_| format!("headers: {name:?} is no name of a header"))?;
    // The value is not shown: it may be a token.
    let value = text
        .parse()
        .map_err(|_| format!("headers.{name}: the value has characters that no header may have"))?;
    Ok((name, value))
}

fn timeout(seconds: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|timeout| !timeout.is_zero())
        .ok_or_else(|| format!("timeout: expected a positive number of seconds, found {seconds}"))
}

fn expect(value: &Value) -> Result<Vec<u16>, String> {
    let status = |value: &Value| {
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let status = number.and_then(|number| u16::try_from(number).ok());
        status
            .filter(|status| (100..=599).contains(status))
            .ok_or_else(|| format!("expect: expected a status from 100 to 599, found {value}"))
    };
    match value {
        Value::Array(list) => list.iter().map(status).collect(),
        one => status(one).map(|status| vec![status]),
    }
}

//! The arguments of the function.

use std::path::PathBuf;
use std::time::Duration;

use apscheduler_core::options::Seconds;
use serde::Deserialize;
use serde_json::{Map, Value};
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE};
use ureq::http::{HeaderMap, HeaderValue, Method};

use crate::address::Address;
use crate::headers;

/// The checked arguments of the function. Not `Debug`, since they contain secrets.
#[derive(Clone, Deserialize)]
#[serde(try_from = "RawOptions")]
pub(crate) struct HttpOptions {
    pub(crate) address: Address,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<String>,
    /// The limit for the whole exchange.
    pub(crate) timeout: Duration,
    /// The accepted statuses. Empty for 200 to 299.
    pub(crate) expect: Vec<u16>,
    /// A PEM file with the trusted root certificates. `None` for the default ones.
    pub(crate) ca_file: Option<PathBuf>,
}

/// The arguments before they are checked.
#[derive(Deserialize)]
struct RawOptions {
    url: String,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    timeout: Option<Seconds>,
    #[serde(default)]
    expect: Option<Value>,
    #[serde(default)]
    ca_file: Option<PathBuf>,
}

impl TryFrom<RawOptions> for HttpOptions {
    type Error = String;

    fn try_from(raw: RawOptions) -> Result<Self, String> {
        let (address, credentials) = Address::parse(&raw.url)?;
        let mut headers = headers::parse(&raw.headers)?;
        if let Some(value) = credentials {
            headers.entry(AUTHORIZATION).or_insert(value);
        }
        let body = match raw.body {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => {
                let json = HeaderValue::from_static("application/json");
                headers.entry(CONTENT_TYPE).or_insert(json);
                Some(other.to_string())
            }
        };
        let default = if body.is_some() { Method::POST } else { Method::GET };
        let method = raw.method.as_deref().map(method).transpose()?.unwrap_or(default);
        if body.is_some() && method == Method::HEAD {
            return Err("body: a HEAD request can't have a body".to_owned());
        }
        Ok(Self {
            address,
            method,
            headers,
            body,
            timeout: raw.timeout.map_or(Ok(Duration::from_secs(30)), timeout)?,
            expect: raw.expect.as_ref().map(expect).transpose()?.unwrap_or_default(),
            ca_file: raw.ca_file,
        })
    }
}

fn method(text: &str) -> Result<Method, String> {
    let wrong = || {
        format!(
            "method: `{text}` is not an HTTP method; expected GET, POST, PUT, PATCH, DELETE or HEAD"
        )
    };
    Method::from_bytes(text.to_ascii_uppercase().as_bytes()).map_err(|_| wrong())
}

fn timeout(given: Seconds) -> Result<Duration, String> {
    given.positive("timeout").map_err(|error| error.to_string())
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

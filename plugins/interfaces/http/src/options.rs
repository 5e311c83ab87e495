//! The options of the server, as the key `http` of a jobs file has them.

use std::net::SocketAddr;

use apscheduler_core::options::Options;
use apscheduler_core::{Error, ErrorKind, Result, suggestion};
use serde::Deserialize;

use crate::access::{Access, Right, Rights, Token};
use crate::dashboard::RATE_LIMIT;

/// The options of a [`Server`](crate::Server).
///
/// # Examples
/// ```
/// use apscheduler_interface_http::HttpOptions;
///
/// let options = serde_json::json!({"listen": "127.0.0.1:8080"});
/// let options = HttpOptions::from_options(options.as_object().unwrap())?;
/// assert_eq!(options.listen.port(), 8080);
///
/// // Whoever can reach another address needs a token.
/// let options = serde_json::json!({"listen": "0.0.0.0:8080"});
/// assert!(HttpOptions::from_options(options.as_object().unwrap()).is_err());
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpOptions {
    /// The address and the port. Default: `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// Who may do what. Default: anybody who can reach the server may look.
    pub access: Access,
    /// The names under which the server is reached, besides `localhost`.
    pub hosts: Vec<String>,
    /// The functions that jobs may call that are added or changed here.
    pub functions: Vec<String>,
    /// Words: the values of keys that contain one are hidden, besides those of `password`, `token` and the like.
    pub redact: Vec<String>,
    /// For how many jobs at most the metrics count runs by job. Default: 0, not by job.
    pub metrics_by_job: usize,
    /// How many requests a second each client may send. Default: 200.
    pub rate_limit: u32,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Given {
    listen: String,
    hosts: Vec<String>,
    functions: Vec<String>,
    redact: Vec<String>,
    metrics_by_job: usize,
    rate_limit: u32,
    tokens: Vec<GivenToken>,
}

impl Default for Given {
    fn default() -> Self {
        let listen = "127.0.0.1:8080".to_owned();
        Self {
            listen,
            hosts: Vec::new(),
            functions: Vec::new(),
            redact: Vec::new(),
            metrics_by_job: 0,
            rate_limit: RATE_LIMIT,
            tokens: Vec::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenToken {
    name: String,
    token: String,
    rights: Vec<String>,
}

impl HttpOptions {
    /// Reads the options.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key: for a value that is not valid, and for an address that others can reach
    /// without a token.
    pub fn from_options(options: &Options) -> Result<Self> {
        let given: Given = apscheduler_core::options::parse("http", options)?;
        let invalid = |message: String| Error::new(ErrorKind::Config, message);
        let listen: SocketAddr = given.listen.parse().map_err(|_| {
            invalid(format!(
                "http: listen: expected an address and a port, such as \"127.0.0.1:8080\", found `{}`",
                given.listen
            ))
        })?;
        if given.tokens.is_empty() && !listen.ip().is_loopback() {
            return Err(invalid(format!(
                "http: others can reach {listen}, and there are no `tokens`; add one, or listen at 127.0.0.1"
            )));
        }
        let tokens = given.tokens.iter().enumerate().map(|(index, given)| {
            let place = format!("http: tokens[{index}]");
            let rights = rights(&place, &given.rights)?;
            Token::new(&given.name, &given.token, rights).map_err(|error| error.with_context(place))
        });
        let tokens = tokens.collect::<Result<Vec<_>>>()?;
        let access =
            if tokens.is_empty() { Access::open(Rights::VIEW) } else { Access::tokens(tokens) };
        Ok(Self {
            listen,
            access,
            hosts: given.hosts,
            functions: given.functions,
            redact: given.redact,
            metrics_by_job: given.metrics_by_job,
            rate_limit: given.rate_limit,
        })
    }
}

fn rights(place: &str, names: &[String]) -> Result<Rights> {
    let read = |name: &String| {
        let right = Right::ALL.into_iter().find(|right| right.name() == name);
        right.map(Rights::from).ok_or_else(|| {
            let hint = suggestion::hint(name, "known rights", Right::ALL.map(Right::name));
            Error::new(ErrorKind::Config, format!("{place}: rights: unknown right `{name}`{hint}"))
        })
    };
    names.iter().map(read).try_fold(Rights::empty(), |all, right| Ok(all | right?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn error(options: &Value) -> String {
        HttpOptions::from_options(options.as_object().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn wrong_options_say_what_would_be_right() {
        let secret = "0123456789abcdef0123456789abcdef";
        for (options, expected) in [
            (json!({"listn": "x"}), "unknown option `listn`; did you mean `listen`?"),
            (json!({"listen": "8080"}), "such as \"127.0.0.1:8080\", found `8080`"),
            (json!({"listen": "0.0.0.0:80"}), "there are no `tokens`"),
            (
                json!({"tokens": [{"name": "ada", "token": "short", "rights": ["view"]}]}),
                "http: tokens[0]: the token of `ada` has 5 bytes",
            ),
            (
                json!({"tokens": [{"name": "ada", "token": secret, "rights": ["viw"]}]}),
                "http: tokens[0]: rights: unknown right `viw`; did you mean `view`?",
            ),
        ] {
            let error = error(&options);
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("short"), "{error}");
        }
    }
}

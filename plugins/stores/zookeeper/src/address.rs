//! Where the servers are, and how to log in there.

use std::fmt;
use std::time::Duration;

use apscheduler_core::{Error, ErrorKind, Result};
use percent_encoding::percent_decode_str;

use crate::failure::Address;
use crate::names::STORE_NAME;

/// The port of a server without one.
const PORT: u16 = 2181;

/// The checked options.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// `host:port[,host:port...]`.
    pub(crate) hosts: String,
    /// The node below which everything is kept.
    pub(crate) path: String,
    pub(crate) logins: Vec<Login>,
    pub(crate) timeout: Duration,
    pub(crate) address: Address,
}

/// A login: its scheme, and what proves it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) scheme: String,
    pub(crate) credential: String,
}

impl Login {
    /// A login with a user and a password.
    pub(crate) fn digest(user: &str, password: Option<String>) -> Self {
        Self::from(("digest".to_owned(), format!("{user}:{}", password.unwrap_or_default())))
    }
}

impl From<(String, String)> for Login {
    fn from((scheme, credential): (String, String)) -> Self {
        Self { scheme, credential }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

impl Config {
    /// Checks the hosts, which may end with a path that precedes the other one, and the path.
    pub(crate) fn new(
        hosts: &str,
        path: &str,
        logins: Vec<Login>,
        timeout: Duration,
    ) -> Result<Self> {
        if path.is_empty() {
            return Err(invalid("path: must not be empty"));
        }
        let (hosts, chroot) = hosts.find('/').map_or((hosts, ""), |at| hosts.split_at(at));
        let hosts = check_hosts(hosts)?;
        let path = format!("{}{path}", chroot.trim_end_matches('/'));
        check_path(&path)?;
        let shown = format!("zookeeper://{hosts}");
        let secrets = logins.iter().map(|login| login.credential.clone()).collect();
        Ok(Self { hosts, path, logins, timeout, address: Address { shown, secrets } })
    }
}

fn check_hosts(hosts: &str) -> Result<String> {
    let hosts: Option<Vec<String>> = hosts.split(',').map(with_port).collect();
    hosts.map(|hosts| hosts.join(",")).ok_or_else(|| {
        // Not shown, because it may hold a password.
        invalid("hosts: expected `host[:port][,host[:port]...]`")
    })
}

/// Returns a host with its port.
fn with_port(host: &str) -> Option<String> {
    let host = host.trim();
    let end = host.rfind(']').map_or(0, |end| end + 1);
    let (name, port) = match host[end..].rfind(':') {
        Some(colon) => (&host[..end + colon], host[end + colon + 1..].parse().ok()?),
        None => (host, PORT),
    };
    let is_name = |name: &str| {
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        !name.is_empty() && name.bytes().all(is_valid)
    };
    let is_ipv6 = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_ipv6 = is_ipv6.is_some_and(|name| name.parse::<std::net::Ipv6Addr>().is_ok());
    (is_ipv6 || is_name(name)).then(|| format!("{name}:{port}"))
}

fn check_path(path: &str) -> Result<()> {
    let is_name = |name: &str| {
        !matches!(name, "" | "." | "..")
            && name.chars().all(|char| !char.is_control() && u32::from(char) < 0xd800)
    };
    let mut names = path.strip_prefix('/').unwrap_or_default().split('/');
    if !names.clone().all(is_name) {
        let message = format!("path: expected a path such as `/apscheduler`, found `{path}`");
        return Err(invalid(&message));
    }
    if names.next() == Some("zookeeper") {
        return Err(invalid("path: `/zookeeper` belongs to the server"));
    }
    Ok(())
}

/// The parts of a URL.
pub(crate) struct Url {
    pub(crate) hosts: String,
    pub(crate) path: Option<String>,
    /// The user, and the password.
    pub(crate) login: Option<(String, Option<String>)>,
}

/// Splits a URL, which may have several hosts.
pub(crate) fn parse_url(url: &str) -> Result<Url> {
    let Some(rest) = url.strip_prefix("zookeeper://") else {
        // Not shown, because it may hold a password.
        let form = "zookeeper://[user:password@]host[:port][,host[:port]...][/path]";
        return Err(invalid(&format!("url: expected `{form}`")));
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (Some(login), hosts),
        None => (None, authority),
    };
    let login = login.map(|login| match login.split_once(':') {
        Some((user, password)) => (decoded(user), Some(decoded(password))),
        None => (decoded(login), None),
    });
    let path = (!path.is_empty() && path != "/").then(|| decoded(path));
    Ok(Url { hosts: hosts.to_owned(), path, login })
}

/// Returns an error about the options.
pub(crate) fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Config, message.to_owned()).with_context(STORE_NAME)
}

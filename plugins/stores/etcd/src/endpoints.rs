//! The addresses of the members of a cluster.

use std::fmt;

use apscheduler_core::Result;
use serde::Deserializer;
use serde::de::{Error as _, SeqAccess, Visitor};

use crate::names::config_error;

/// The port of etcd.
pub(crate) const DEFAULT_PORT: u16 = 2379;

/// The members to connect to.
pub(crate) struct Endpoints {
    /// `http://host:port`, or `https://host:port`.
    pub(crate) urls: Vec<String>,
    pub(crate) is_tls: bool,
}

/// Whether an address may hold a password, so that nobody may show it.
pub(crate) fn may_hold_secret(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.contains(['@', '/', '?'])
}

/// Returns the only member.
pub(crate) fn of_host(host: &str, port: u16, is_tls: bool) -> Result<Endpoints> {
    if host.is_empty() || host.contains(['@', '/', '?']) {
        // The error does not show it, because it may hold a password.
        return Err(config_error(
            "host: expected only the name of a host; a URL belongs in `endpoints`",
        ));
    }
    let scheme = if is_tls { "https" } else { "http" };
    let is_bare_ipv6 = host.contains(':') && !host.starts_with('[');
    let host = if is_bare_ipv6 { format!("[{host}]") } else { host.to_owned() };
    Ok(Endpoints { urls: vec![format!("{scheme}://{host}:{port}")], is_tls })
}

/// Checks the given members.
pub(crate) fn check(given: &[String]) -> Result<Endpoints> {
    let urls: Option<Vec<(bool, String)>> = given.iter().map(|given| read(given.trim())).collect();
    let Some(urls) = urls else {
        return Err(config_error(
            "endpoints: expected `http://host[:port]` or `https://host[:port]`, without a user; the login belongs in \
             `user` and `password`",
        ));
    };
    let is_tls = urls.iter().any(|(is_tls, _)| *is_tls);
    if urls.iter().any(|(other, _)| *other != is_tls) {
        return Err(config_error("endpoints: all must be `http://`, or all `https://`"));
    }
    Ok(Endpoints { urls: urls.into_iter().map(|(_, url)| url).collect(), is_tls })
}

/// Reads an address. Returns whether it is one for TLS, and the whole URL.
fn read(given: &str) -> Option<(bool, String)> {
    let (scheme, address) = given.split_once("://").unwrap_or(("http", given));
    let address = address.strip_suffix('/').unwrap_or(address);
    let is_tls = match scheme {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    // The port follows the last colon, unless that is inside an IPv6 address.
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (address, DEFAULT_PORT),
    };
    let is_host = !host.is_empty() && !may_hold_secret(host) && !host.contains(char::is_whitespace);
    is_host.then(|| (is_tls, format!("{scheme}://{host}:{port}")))
}

/// Reads a list, or a text with commas.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(List)
}

struct List;

impl<'de> Visitor<'de> for List {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of addresses, or a text with commas")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.trim().is_empty() {
            return Err(E::custom("expected an address, found an empty text"));
        }
        Ok(text.split(',').map(|part| part.trim().to_owned()).collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut endpoints = Vec::new();
        while let Some(item) = items.next_element()? {
            endpoints.push(item);
        }
        if endpoints.is_empty() {
            return Err(A::Error::custom("expected at least one address"));
        }
        Ok(endpoints)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed() {
        for (given, expected) in [
            ("h", "http://h:2379"),
            ("h:1", "http://h:1"),
            ("http://h/", "http://h:2379"),
            ("https://h:1", "https://h:1"),
            ("http://[::1]", "http://[::1]:2379"),
            ("http://[::1]:5", "http://[::1]:5"),
        ] {
            assert_eq!(read(given).map(|(_, url)| url).as_deref(), Some(expected));
        }
        for given in
            ["", "http://", "http://h:x", "h:99999", "a b", "u:p@h", "http://h/path", "unix:x"]
        {
            assert!(read(given).is_none(), "{given}");
        }
        assert_eq!(of_host("::1", 7, false).unwrap().urls, ["http://[::1]:7"]);
    }
}

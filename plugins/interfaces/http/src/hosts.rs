//! The names of the server.

/// The hosts whose requests are answered.
#[derive(Debug)]
pub(crate) struct Hosts(Vec<String>);

impl Hosts {
    pub(crate) fn new(hosts: Vec<String>) -> Self {
        Self(hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect())
    }

    /// Returns whether the host of an authority, such as `localhost:8080`, is one of them.
    pub(crate) fn contain(&self, authority: &str) -> bool {
        let host = without_port(authority).to_ascii_lowercase();
        self.0.contains(&host)
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

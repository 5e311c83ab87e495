//! The address of the server, and the security of connections to it.

use std::path::PathBuf;

use apscheduler_core::Result;
use apscheduler_plugin_kit::store::SqlServerUrl;
use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::names::invalid;

/// The address of the server.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// For the driver.
    pub(crate) config: Config,
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only TLS uses it"))]
    pub(crate) security: Security,
    /// For messages: hosts and database, without user and password.
    pub(crate) shown: String,
}

/// What `sslmode` and `sslrootcert` require beyond the driver's own modes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Security {
    pub(crate) check: Check,
    pub(crate) roots: Option<PathBuf>,
}

/// What is checked of a server's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Check {
    #[default]
    Nothing,
    Chain,
    ChainAndName,
}

impl Address {
    /// Parses a URL. Errors never show it, because it may hold a password.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let url = SqlServerUrl::split(url, &["postgresql", "postgres"])
            .map_err(|message| invalid(&message))?;
        let mut security = Security::default();
        let mut mode = SslMode::Prefer;
        let mut parameters = Vec::new();
        for (key, value) in url.parameters() {
            match key {
                "sslmode" => (mode, security.check) = ssl_mode(value)?,
                "sslrootcert" => {
                    security.roots =
                        Some(percent_decode_str(value).decode_utf8_lossy().as_ref().into());
                }
                _ => parameters.push(format!("{key}={value}")),
            }
        }
        if security.roots.is_some() && mode == SslMode::Require && security.check == Check::Nothing
        {
            // As in libpq: root certificates that are named are used.
            security.check = Check::Chain;
        }
        if cfg!(not(feature = "tls")) {
            if mode == SslMode::Require {
                return Err(invalid(
                    "url: this sslmode needs TLS, which the feature `tls` of `apscheduler` or \
                     `apscheduler-store-postgres` adds",
                ));
            }
            mode = SslMode::Disable;
        }
        let plain = format!("postgresql://{}?{}", url.place, parameters.join("&"));
        let mut config: Config = plain.parse().map_err(|error: tokio_postgres::Error| {
            invalid("url: it can't be read").with_source(error)
        })?;
        config.ssl_mode(mode);
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            config.host("localhost");
        }
        let shown = shown(&config);
        Ok(Self { config, security, shown })
    }
}

fn ssl_mode(value: &str) -> Result<(SslMode, Check)> {
    Ok(match value {
        "disable" => (SslMode::Disable, Check::Nothing),
        "allow" | "prefer" => (SslMode::Prefer, Check::Nothing),
        "require" => (SslMode::Require, Check::Nothing),
        "verify-ca" => (SslMode::Require, Check::Chain),
        "verify-full" => (SslMode::Require, Check::ChainAndName),
        _ => {
            return Err(invalid(
                "url: sslmode: expected disable, allow, prefer, require, verify-ca or verify-full",
            ));
        }
    })
}

fn shown(config: &Config) -> String {
    let ports = config.get_ports();
    let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    let hosts = config.get_hosts().iter().enumerate().map(|(index, host)| match host {
        Host::Tcp(name) if name.contains(':') => format!("[{name}]:{}", port(index)),
        Host::Tcp(name) => format!("{name}:{}", port(index)),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let mut hosts: Vec<String> = hosts.collect();
    if hosts.is_empty() {
        let addresses = config.get_hostaddrs().iter().enumerate();
        hosts.extend(
            addresses.map(|(index, ip)| std::net::SocketAddr::new(*ip, port(index)).to_string()),
        );
    }
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("{}/{database}", hosts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        Address::parse(url).unwrap().shown
    }

    #[test]
    fn addresses_are_shown_without_the_password() {
        for (url, expected) in [
            ("postgresql://user:secret@db.example/jobs", "db.example:5432/jobs"),
            ("postgresql+psycopg2://user:se%40cret@db:5433/jobs", "db:5433/jobs"),
            ("postgres://user@[::1]:5433/jobs?sslmode=disable", "[::1]:5433/jobs"),
            ("postgresql://a:1,b:2/jobs?target_session_attrs=read-write", "a:1,b:2/jobs"),
            ("postgresql:///jobs?host=/run/pg&user=x", "/run/pg/jobs"),
            ("postgresql://user:secret@/jobs", "localhost:5432/jobs"),
        ] {
            assert_eq!(shown(url), expected, "{url}");
        }
    }

    #[test]
    fn errors_do_not_show_the_url() {
        for (url, expected) in [
            ("mysql://user:secret@db/jobs", "begins with `postgresql://`"),
            ("user:secret@db/jobs", "begins with `postgresql://`"),
            ("postgresql://user:secret@secret@db/jobs", "written `%40`"),
            ("postgresql://user:secret@db:x/jobs", "can't be read"),
            ("postgresql://user:secret@db/jobs?sslmode=secret", "sslmode: expected disable"),
            ("postgresql://user:secret@db/jobs?colour=red", "can't be read"),
        ] {
            let error = Address::parse(url).unwrap_err();
            let text = format!("{} {error:?}", error.chain());
            assert!(text.contains(expected) && !text.contains("secret"), "{url}: {text}");
        }
    }

    #[test]
    fn sslmode_has_the_meaning_of_libpq() {
        let security = |url: &str| {
            let address = Address::parse(url).unwrap();
            (address.config.get_ssl_mode(), address.security)
        };
        let plain = security("postgresql://db/jobs?sslmode=disable");
        assert_eq!(plain, (SslMode::Disable, Security::default()));
        if cfg!(feature = "tls") {
            let (mode, checked) =
                security("postgresql://db/jobs?sslmode=verify-full&sslrootcert=%2Fca.pem");
            assert_eq!((mode, checked.check), (SslMode::Require, Check::ChainAndName));
            assert_eq!(checked.roots, Some("/ca.pem".into()));
            let (_, named) = security("postgresql://db/jobs?sslrootcert=ca.pem&sslmode=require");
            assert_eq!(named.check, Check::Chain);
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_needs_its_feature() {
        let error = Address::parse("postgresql://db/jobs?sslmode=require").unwrap_err().to_string();
        assert!(error.contains("the feature `tls` of `apscheduler`"), "{error}");
        let plain = Address::parse("postgresql://db/jobs").unwrap();
        assert_eq!(plain.config.get_ssl_mode(), SslMode::Disable);
    }
}

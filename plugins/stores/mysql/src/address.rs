//! The address of the server, and the settings of sessions.

use std::fmt;

use apscheduler_core::Result;
use apscheduler_plugin_kit::store::{SqlServerConfig, SqlServerUrl};
use mysql::{Opts, OptsBuilder};
use percent_encoding::percent_decode_str;

use crate::names::invalid;

/// The address of the server, and the login.
#[derive(Clone)]
pub(crate) struct Address {
    host: String,
    port: u16,
    socket: Option<String>,
    user: Option<String>,
    password: Option<String>,
    database: String,
    security: Security,
    /// For messages: host and database, without user and password.
    pub(crate) shown: String,
}

/// What `ssl-mode` and `ssl-ca` require.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Security {
    mode: SslMode,
    authorities: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SslMode {
    #[default]
    Disabled,
    Required,
    VerifyAuthority,
    VerifyIdentity,
}

impl Address {
    /// Parses a URL. Errors never show it, because it may hold a password.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let url =
            SqlServerUrl::split(url, &["mysql", "mariadb"]).map_err(|message| invalid(&message))?;
        let (login, host) = match url.authority.split_once('@') {
            Some((login, host)) => (Some(login), host),
            None => (None, url.authority),
        };
        let database = url.path;
        if database.is_empty() {
            return Err(invalid(
                "url: expected a database, such as `mysql://user:password@host/database`",
            ));
        }
        let (user, password) = match login.map(|login| login.split_once(':').ok_or(login)) {
            None => (None, None),
            Some(Ok((user, password))) => (Some(decoded(user)), Some(decoded(password))),
            Some(Err(user)) => (Some(decoded(user)), None),
        };
        let (host, port) = host_and_port(host)?;
        let (socket, security) = parameters(url)?;
        let database = decoded(database);
        let shown = match &socket {
            Some(path) => format!("{path}/{database}"),
            None if host.contains(':') => format!("[{host}]:{port}/{database}"),
            None => format!("{host}:{port}/{database}"),
        };
        Ok(Self { host, port, socket, user, password, database, security, shown })
    }

    /// Returns the options of the driver.
    pub(crate) fn driver_options(&self, server: &SqlServerConfig) -> Result<Opts> {
        let (connect_timeout, timeout) = (server.connect_timeout, server.statement_timeout);
        let (whole, millis) = (timeout.as_secs().max(1), timeout.as_millis());
        let answer = timeout + std::time::Duration::from_secs(5);
        // So that a scheduler that hangs during a claim does not lock the jobs forever. Of the comments, MariaDB executes
        // the first, and MySQL the second.
        let settings = format!(
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1, \
             innodb_lock_wait_timeout = {whole}, time_zone = '+00:00' \
             /*M! , max_statement_time = {whole}, idle_transaction_timeout = {whole} */ \
             /*!80000 , max_execution_time = {millis}, wait_timeout = 300 */"
        );
        let isolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE";
        let builder = OptsBuilder::new()
            .ip_or_hostname(Some(&self.host))
            .tcp_port(self.port)
            .socket(self.socket.as_ref())
            .prefer_socket(self.socket.is_some())
            .user(self.user.as_ref())
            .pass(self.password.as_ref())
            .db_name(Some(&self.database))
            .tcp_connect_timeout(Some(connect_timeout))
            .read_timeout(Some(answer))
            .write_timeout(Some(answer))
            .tcp_keepalive_time_ms(Some(30_000))
            .stmt_cache_size(64_usize)
            .init(vec![settings, isolation.to_owned()]);
        Ok(self.security.apply(builder)?.into())
    }
}

/// Hides the login.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.shown)
    }
}

impl Security {
    #[cfg(feature = "tls")]
    fn apply(&self, builder: OptsBuilder) -> Result<OptsBuilder> {
        use mysql::SslOpts;

        if self.mode == SslMode::Disabled {
            return Ok(builder);
        }
        // The driver uses the provider of the process. If the program has installed one, it is kept.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut options = SslOpts::default()
            .with_danger_accept_invalid_certs(self.mode == SslMode::Required)
            .with_danger_skip_domain_validation(self.mode != SslMode::VerifyIdentity);
        if let Some(path) = &self.authorities {
            std::fs::File::open(path).map_err(|error| {
                invalid(&format!("url: ssl-ca: `{path}` can't be read")).with_source(error)
            })?;
            options = options.with_root_cert_path(Some(std::path::PathBuf::from(path)));
        }
        Ok(builder.ssl_opts(options))
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with TLS it needs both")]
    fn apply(&self, builder: OptsBuilder) -> Result<OptsBuilder> {
        Ok(builder)
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn host_and_port(text: &str) -> Result<(String, u16)> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or_default()),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let port = match port {
        "" => 3306,
        port => port.parse().map_err(|_| invalid("url: the port must be a number below 65536"))?,
    };
    let host = if host.is_empty() { "localhost".to_owned() } else { decoded(host) };
    Ok((host, port))
}

fn parameters(url: SqlServerUrl<'_>) -> Result<(Option<String>, Security)> {
    let (mut socket, mut security) = (None, Security::default());
    for (key, value) in url.parameters() {
        match key {
            "charset" if ["utf8mb4", "utf8"].contains(&value) => {}
            "charset" => return Err(invalid("url: charset: expected utf8mb4")),
            "unix_socket" => socket = Some(decoded(value)),
            "ssl-mode" | "ssl_mode" | "sslmode" => security.mode = ssl_mode(value)?,
            "ssl-ca" | "ssl_ca" => security.authorities = Some(decoded(value)),
            _ => {
                return Err(invalid(
                    "url: unknown parameter; known parameters: charset, ssl-ca, ssl-mode, unix_socket",
                ));
            }
        }
    }
    let checks = matches!(security.mode, SslMode::VerifyAuthority | SslMode::VerifyIdentity);
    if security.authorities.is_some() && !checks {
        return Err(invalid("url: ssl-ca needs ssl-mode=VERIFY_CA or ssl-mode=VERIFY_IDENTITY"));
    }
    if security.mode != SslMode::Disabled && cfg!(not(feature = "tls")) {
        return Err(invalid(
            "url: this ssl-mode needs TLS, which the feature `tls` of `apscheduler` or `apscheduler-store-mysql` adds",
        ));
    }
    Ok((socket, security))
}

fn ssl_mode(value: &str) -> Result<SslMode> {
    match value.to_ascii_uppercase().replace('-', "_").as_str() {
        "DISABLED" => Ok(SslMode::Disabled),
        "REQUIRED" => Ok(SslMode::Required),
        "VERIFY_CA" => Ok(SslMode::VerifyAuthority),
        "VERIFY_IDENTITY" => Ok(SslMode::VerifyIdentity),
        _ => {
            Err(invalid("url: ssl-mode: expected DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_the_password() {
        for (url, expected) in [
            ("mysql://user:secret@db.example/jobs", "db.example:3306/jobs"),
            ("mysql+pymysql://user:se%40cret@db:3307/jobs?charset=utf8mb4", "db:3307/jobs"),
            ("mariadb://user@[::1]:3307/jobs", "[::1]:3307/jobs"),
            ("mysql:///jobs?unix_socket=%2Frun%2Fs.sock", "/run/s.sock/jobs"),
            ("mysql://user:secret@/jobs", "localhost:3306/jobs"),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.shown, expected, "{url}");
        }
        let address = Address::parse("mysql://us%40er:se%3Acret@db/jo%62s").unwrap();
        assert_eq!(address.user.as_deref(), Some("us@er"));
        assert_eq!(address.password.as_deref(), Some("se:cret"));
        assert_eq!(address.database, "jobs");
    }

    #[test]
    fn errors_do_not_show_the_url() {
        for (url, expected) in [
            ("postgresql://user:secret@db/jobs", "begins with `mysql://`"),
            ("user:secret@db/jobs", "begins with `mysql://`"),
            ("mysql://user:secret@secret@db/jobs", "written `%40`"),
            ("mysql://user:secret@db:x/jobs", "the port"),
            ("mysql://user:secret@db", "expected a database"),
            ("mysql://user:secret@db/jobs?ssl-mode=secret", "ssl-mode: expected DISABLED"),
            ("mysql://user:secret@db/jobs?secret=red", "unknown parameter"),
            ("mysql://user:secret@db/jobs?charset=latin1", "charset: expected utf8mb4"),
            ("mysql://user:secret@db/jobs?ssl-ca=ca.pem", "ssl-ca needs ssl-mode=VERIFY_CA"),
            ("mysql://user:secret@db/jobs?ssl-ca=ca.pem&ssl-mode=REQUIRED", "ssl-ca needs"),
        ] {
            let error = Address::parse(url).unwrap_err();
            let text = format!("{} {error:?}", error.chain());
            assert!(text.contains(expected) && !text.contains("secret"), "{url}: {text}");
        }
    }

    #[test]
    fn ssl_mode_has_the_meaning_of_mysql() {
        let security = |url: &str| Address::parse(url).unwrap().security;
        assert_eq!(security("mysql://db/jobs?ssl-mode=disabled"), Security::default());
        if cfg!(feature = "tls") {
            let checked = security("mysql://db/jobs?ssl_mode=VERIFY_IDENTITY&ssl_ca=%2Fca.pem");
            assert_eq!(checked.mode, SslMode::VerifyIdentity);
            assert_eq!(checked.authorities.as_deref(), Some("/ca.pem"));
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_needs_its_feature() {
        let error = Address::parse("mysql://db/jobs?ssl-mode=REQUIRED").unwrap_err().to_string();
        assert!(error.contains("the feature `tls` of `apscheduler`"), "{error}");
    }
}

//! The differences between MySQL and MariaDB.

use apscheduler_core::{Error, ErrorKind, Result};

use crate::names::STORE_NAME;

/// The names that a server uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// The collation of ids: compares bytes, as Rust does, trailing spaces included.
    pub(crate) collation: &'static str,
}

impl Dialect {
    /// Returns the dialect of a server of this version, as `10.11.6-MariaDB-0+deb12u1` or `8.4.3`.
    pub(crate) fn of(version: &str) -> Result<Self> {
        let (needed, collation) = if version.to_ascii_lowercase().contains("mariadb") {
            ([10, 6, 0], "utf8mb4_nopad_bin")
        } else {
            ([8, 0, 17], "utf8mb4_0900_bin")
        };
        // MariaDB may put this before its own version, for old clients.
        let own = version.strip_prefix("5.5.5-").unwrap_or(version);
        let mut numbers =
            own.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
        let found = [(); 3].map(|()| numbers.next().unwrap_or(0));
        if found < needed {
            let message = format!(
                "the server has version {version}; this job store needs MySQL 8.0.17 or MariaDB 10.6, or later"
            );
            return Err(Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME));
        }
        Ok(Self { collation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_choose_the_collation() {
        for (version, collation) in [
            ("8.0.17", Some("utf8mb4_0900_bin")),
            ("8.4.3-log", Some("utf8mb4_0900_bin")),
            ("9.1.0", Some("utf8mb4_0900_bin")),
            ("10.6.0-MariaDB", Some("utf8mb4_nopad_bin")),
            ("5.5.5-10.11.6-MariaDB-0+deb12u1", Some("utf8mb4_nopad_bin")),
            ("12.0.2-MariaDB-ubu2404", Some("utf8mb4_nopad_bin")),
            ("8.0.16", None),
            ("5.7.44", None),
            ("10.5.27-MariaDB", None),
            ("", None),
        ] {
            let dialect = Dialect::of(version);
            assert_eq!(dialect.ok().map(|dialect| dialect.collation), collation, "{version}");
        }
    }
}

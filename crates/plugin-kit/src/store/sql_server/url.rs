//! The URL of a database.

/// The parts of the URL of a database.
///
/// # Examples
/// ```
/// use apscheduler_plugin_kit::store::SqlServerUrl;
///
/// let url = SqlServerUrl::split("mysql+pymysql://user:secret@db/jobs?charset=utf8mb4", &["mysql", "mariadb"])?;
/// assert_eq!((url.authority, url.path), ("user:secret@db", "jobs"));
/// assert_eq!(url.parameters().collect::<Vec<_>>(), [("charset", "utf8mb4")]);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it may hold a password")]
pub struct SqlServerUrl<'a> {
    /// Everything between the scheme and the parameters, percent-encoded.
    pub place: &'a str,
    /// User, password, hosts and ports, percent-encoded.
    pub authority: &'a str,
    /// What follows the slash, percent-encoded: the database.
    pub path: &'a str,
    query: &'a str,
}

impl<'a> SqlServerUrl<'a> {
    /// Splits a URL with one of these schemes. A driver of SQLAlchemy, as in `mysql+pymysql`, is ignored.
    ///
    /// # Errors
    /// A message that does not show the URL, which may hold a password.
    pub fn split(url: &'a str, schemes: &[&str]) -> Result<Self, String> {
        if url.is_empty() {
            let scheme = schemes.first().copied().unwrap_or_default();
            return Err(format!("needs `url`, as `{scheme}://user:password@host/database`"));
        }
        let rest = url
            .split_once("://")
            .filter(|(scheme, _)| schemes.contains(&scheme.split('+').next().unwrap_or_default()));
        let Some((_, rest)) = rest else {
            let prefixes: Vec<_> = schemes.iter().map(|scheme| format!("`{scheme}://`")).collect();
            let prefixes = prefixes.join(" or ");
            return Err(format!("url: expected one that begins with {prefixes}"));
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        // A client would take a part of the password for the host, and show it in errors.
        if authority.matches('@').count() > 1 {
            return Err("url: a `@` in the user or the password is written `%40`".to_owned());
        }
        Ok(Self { place, authority, path, query })
    }

    /// Returns the names and values of the parameters, percent-encoded.
    pub fn parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let parameters = self.query.split('&').filter(|parameter| !parameter.is_empty());
        parameters.map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_do_not_show_the_url() {
        let schemes = ["postgresql", "postgres"];
        for (url, expected) in [
            ("", "needs `url`, as `postgresql://user:password@host/database`"),
            (
                "mysql://u:secret@db/jobs",
                "url: expected one that begins with `postgresql://` or `postgres://`",
            ),
            (
                "u:secret@db/jobs",
                "url: expected one that begins with `postgresql://` or `postgres://`",
            ),
            (
                "postgres://u:secret@secret@db/jobs",
                "url: a `@` in the user or the password is written `%40`",
            ),
        ] {
            assert_eq!(SqlServerUrl::split(url, &schemes).err().as_deref(), Some(expected));
        }
    }
}

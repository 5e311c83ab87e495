//! The users, their passwords, and what they may do.

use std::collections::BTreeMap;

use super::datum::{Datum, Fields};
use super::failure::{Failure, Kind, Outcome};
use super::storage::TableName;

/// The database with the tables of the server itself.
pub(super) const SYSTEM: &str = "rethinkdb";

/// The user who may do everything.
pub(super) const ADMIN: &str = "admin";

/// What a user may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Right {
    Read,
    Write,
    Config,
}

impl Right {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Config => "config",
        }
    }
}

/// The users.
pub(super) struct Users {
    passwords: BTreeMap<String, String>,
    /// By user and database; no database stands for all.
    rights: BTreeMap<(String, Option<String>), Vec<Right>>,
    last_key: u64,
}

impl Users {
    /// Only the admin, with this password.
    pub(super) fn new(password: &str) -> Self {
        let passwords = [(ADMIN.to_owned(), password.to_owned())].into();
        Self { passwords, rights: BTreeMap::new(), last_key: 0 }
    }

    pub(super) fn password(&self, user: &str) -> Option<&str> {
        self.passwords.get(user).map(String::as_str)
    }

    /// Returns an error if the user may not do this in a database.
    pub(super) fn require(&self, user: &str, right: Right, database: &str) -> Outcome<()> {
        let has = |scope: Option<String>| {
            let rights = self.rights.get(&(user.to_owned(), scope));
            rights.map(|rights| rights.contains(&right))
        };
        let may = || has(Some(database.to_owned())).or_else(|| has(None)).unwrap_or(false);
        if user == ADMIN || (database != SYSTEM && may()) {
            return Ok(());
        }
        let text =
            format!("User `{user}` does not have the required `{}` permission.", right.name());
        Err(Failure::new(Kind::Permission, text))
    }

    /// Allows or forbids a user to do things in a database, or in all.
    pub(super) fn grant(
        &mut self,
        user: &str,
        scope: Option<String>,
        rights: &Fields,
    ) -> Outcome<()> {
        if !self.passwords.contains_key(user) {
            return Err(Failure::failed(format!("User `{user}` not found.")));
        }
        let granted = self.rights.entry((user.to_owned(), scope)).or_default();
        for right in [Right::Read, Right::Write, Right::Config] {
            if let Some(value) = rights.get(right.name()) {
                granted.retain(|other| *other != right);
                if value.is_true() {
                    granted.push(right);
                }
            }
        }
        Ok(())
    }

    /// Notes a change of a document, which may be a user.
    pub(super) fn document_written(&mut self, table: &TableName, key: &Datum, document: &Datum) {
        let (Datum::Text(user), (SYSTEM, "users")) = (key, (&*table.0, &*table.1)) else { return };
        match document {
            Datum::Object(fields) => {
                let password = fields.get("password").and_then(|text| text.text().ok());
                self.passwords.insert(user.to_string(), password.unwrap_or_default().to_owned());
            }
            _ => drop(self.passwords.remove(&**user)),
        }
    }

    /// Returns a new primary key.
    pub(super) fn generate_key(&mut self) -> String {
        self.last_key += 1;
        format!("generated-{:08}", self.last_key)
    }
}

//! The identity of a jobs file, and the ownership of stored jobs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use apscheduler_core::job::JobOrigin;
use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::Value;

/// The maximum length of a name in characters.
const MAX_NAME_CHARS: usize = 191;

/// What identifies a jobs file: its `name`, or else its path and the host.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) name: Option<String>,
    /// Absolute, with symbolic links not resolved: `current/jobs.toml` is the same file wherever `current` points to.
    path: String,
    /// The path with links resolved, which early releases stored.
    canonical: Option<PathBuf>,
    host: String,
}

/// The owner of a stored job, relative to a jobs file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// This file. The job is removed when it is no longer in the file.
    This,
    /// A file without a name at the same path, on another or an unknown host. It may be this file or another one that is
    /// in use.
    SamePath,
    /// A file without a name at another path.
    OtherPath,
    /// A file with this name, which differs from the name of this file.
    Named(String),
}

impl Identity {
    /// The identity of a file at `path` with this value of the key `name`.
    pub(super) fn of(path: &Path, name: Option<Value>) -> Result<Self> {
        let absolute = absolute(path).unwrap_or_else(|| path.to_owned());
        Ok(Self {
            name: name.map(check_name).transpose()?,
            path: absolute.to_string_lossy().into_owned(),
            canonical: std::fs::canonicalize(path).ok(),
            host: host_name(),
        })
    }

    /// The origin to store with a job of this file.
    pub(super) fn origin(&self, digest: String) -> JobOrigin {
        JobOrigin::new(self.path.as_str(), digest).name(self.name.clone()).host(self.host.clone())
    }

    /// The absolute path, for messages.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

/// Determines the owners of jobs, and caches resolved paths.
pub(super) struct Ownership<'a> {
    identity: &'a Identity,
    /// Whether a path on this host resolves to this file.
    same_file: HashMap<String, bool>,
}

impl<'a> Ownership<'a> {
    pub(super) fn new(identity: &'a Identity) -> Self {
        Self { identity, same_file: HashMap::new() }
    }

    /// The owner of a job with this origin.
    pub(super) fn owner(&mut self, origin: &JobOrigin) -> Owner {
        match &origin.name {
            Some(name) if self.identity.name.as_ref() == Some(name) => Owner::This,
            Some(name) => Owner::Named(name.clone()),
            None if !self.same_path(origin) => Owner::OtherPath,
            None if self.same_host(origin) => Owner::This,
            None => Owner::SamePath,
        }
    }

    /// Whether the job was last applied from the path and host of this file.
    pub(super) fn same_place(&mut self, origin: &JobOrigin) -> bool {
        self.same_host(origin) && self.same_path(origin)
    }

    /// Whether the job was last applied on this host.
    pub(super) fn same_host(&self, origin: &JobOrigin) -> bool {
        origin.host.as_ref() == Some(&self.identity.host)
    }

    fn same_path(&mut self, origin: &JobOrigin) -> bool {
        let Identity { path, canonical, .. } = self.identity;
        if origin.file == *path {
            return true;
        }
        let Some(canonical) = canonical else {
            return false;
        };
        match &origin.host {
            // From an early release, which stored the path with links resolved.
            None => Path::new(&origin.file) == canonical,
            // Paths on another host can't be resolved here.
            Some(_) if !self.same_host(origin) => false,
            Some(_) => *self.same_file.entry(origin.file.clone()).or_insert_with(|| {
                std::fs::canonicalize(&origin.file).is_ok_and(|other| other == *canonical)
            }),
        }
    }
}

fn check_name(name: Value) -> Result<String> {
    let invalid = |found: &dyn std::fmt::Display| {
        Error::new(
            ErrorKind::Config,
            format!(
                "name: expected text of 1 to {MAX_NAME_CHARS} characters without control characters, found {found}"
            ),
        )
    };
    match name {
        Value::String(name)
            if !name.trim().is_empty()
                && name.chars().count() <= MAX_NAME_CHARS
                && !name.contains(char::is_control) =>
        {
            Ok(name.trim().to_owned())
        }
        other => Err(invalid(&other)),
    }
}

/// The absolute path, with links not resolved.
fn absolute(path: &Path) -> Option<PathBuf> {
    if path.is_absolute() {
        return std::path::absolute(path).ok();
    }
    let directory = logical_directory().or_else(|| std::env::current_dir().ok())?;
    std::path::absolute(directory.join(path)).ok()
}

/// The current directory with links not resolved, as `pwd` prints it. The system resolves them.
fn logical_directory() -> Option<PathBuf> {
    let directory = PathBuf::from(std::env::var_os("PWD")?);
    let plain = directory.is_absolute()
        && directory.components().all(|part| !matches!(part, std::path::Component::ParentDir));
    let current = std::env::current_dir().ok()?;
    // The variable is wrong if a parent process changed the directory without setting it.
    (plain && std::fs::canonicalize(&directory).ok()? == std::fs::canonicalize(current).ok()?)
        .then_some(directory)
}

#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "localhost".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn identity(name: Option<&str>, path: &Path) -> Identity {
        Identity { host: "here".to_owned(), ..Identity::of(path, name.map(Value::from)).unwrap() }
    }

    fn owner(identity: &Identity, origin: &JobOrigin) -> Owner {
        Ownership::new(identity).owner(origin)
    }

    #[test]
    fn path_and_host_identify_a_file_without_a_name() {
        let unnamed = identity(None, Path::new("/srv/app/jobs.toml"));
        let at = |path: &str, host: &str| JobOrigin::new(path, "1-2").host(host.to_owned());
        assert_eq!(owner(&unnamed, &at("/srv/app/jobs.toml", "here")), Owner::This);
        assert_eq!(owner(&unnamed, &at("/srv/app/jobs.toml", "there")), Owner::SamePath);
        assert_eq!(owner(&unnamed, &at("/srv/more/jobs.toml", "here")), Owner::OtherPath);
        assert_eq!(
            owner(&unnamed, &JobOrigin::new("/srv/app/jobs.toml", "1-2")),
            Owner::SamePath,
            "an early release did not store the host"
        );
        let named = at("/srv/app/jobs.toml", "here").name("shop".to_owned());
        assert_eq!(owner(&unnamed, &named), Owner::Named("shop".to_owned()));
    }

    #[test]
    fn a_name_identifies_a_file_anywhere() {
        let named = identity(Some("shop"), Path::new("/srv/app/jobs.toml"));
        let from = |name: &str| JobOrigin::new("/elsewhere.toml", "1-2").name(name.to_owned());
        assert_eq!(owner(&named, &from("shop").host("there".to_owned())), Owner::This);
        assert_eq!(owner(&named, &from("billing")), Owner::Named("billing".to_owned()));
        // The file may have got its name after the last start.
        let before = JobOrigin::new("/srv/app/jobs.toml", "1-2").host("here".to_owned());
        assert_eq!(owner(&named, &before), Owner::This);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_resolved_and_old_records_with_resolved_links_match() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let place = |name: &str| root.join(name);
        std::fs::create_dir(place("7")).unwrap();
        std::fs::write(place("7/jobs.toml"), "").unwrap();
        std::os::unix::fs::symlink("7", place("current")).unwrap();
        let linked = identity(None, &place("current/jobs.toml"));
        assert_eq!(linked.path(), place("current/jobs.toml").to_string_lossy());
        let resolved = place("7/jobs.toml").to_string_lossy().into_owned();
        assert_eq!(owner(&linked, &JobOrigin::new(resolved.as_str(), "1-2")), Owner::SamePath);
        let resolved = JobOrigin::new(resolved, "1-2").host("here".to_owned());
        assert_eq!(owner(&linked, &resolved), Owner::This);
    }

    #[test]
    fn rejects_invalid_names() {
        let name = |value: Value| Identity::of(Path::new("jobs.toml"), Some(value));
        assert_eq!(name(json!(" shop ")).unwrap().name.as_deref(), Some("shop"));
        for wrong in [json!(""), json!(5), json!("a\nb"), json!("x".repeat(192))] {
            let error = name(wrong).unwrap_err();
            assert!(error.message().starts_with("name: expected text of 1 to 191"), "{error}");
        }
    }
}

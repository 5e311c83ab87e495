//! Users, and the rights of this process.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::{geteuid, getpriority_process};

/// Another user than that of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    name: String,
    id: u32,
    group: u32,
    home: String,
    /// It is the user of this process, so nothing has to be changed.
    is_own: bool,
}

impl User {
    /// Looks up a user by name or number, and checks that this process may run programs as that user.
    pub(crate) fn find(name: &str) -> Result<Self, String> {
        let failed = |error| format!("user: can't look up the user `{name}`: {error}");
        let number = name.parse().ok().map(nix::unistd::Uid::from_raw);
        let found = match nix::unistd::User::from_name(name).map_err(failed)? {
            Some(user) => Some(user),
            None => number.map(nix::unistd::User::from_uid).transpose().map_err(failed)?.flatten(),
        };
        let found = found.ok_or_else(|| format!("user: this system has no user `{name}`"))?;
        let user = Self {
            id: found.uid.as_raw(),
            group: found.gid.as_raw(),
            home: found.dir.to_string_lossy().into_owned(),
            is_own: found.uid.as_raw() == geteuid().as_raw(),
            name: found.name,
        };
        if user.is_own || may_change_user() {
            return Ok(user);
        }
        Err(format!(
            "user: this process runs as `{}` and has no right to run programs as `{}`; run it as root, or leave `user` out",
            own_name(),
            user.name
        ))
    }

    /// Makes a command run as this user, with the primary group and the home of the user.
    pub(crate) fn apply(&self, command: &mut Command) {
        command.env("USER", &self.name).env("LOGNAME", &self.name).env("HOME", &self.home);
        if !self.is_own {
            command.uid(self.id).gid(self.group);
        }
    }
}

fn own_name() -> String {
    let id = geteuid().as_raw();
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(id));
    user.ok().flatten().map_or_else(|| format!("user {id}"), |user| user.name)
}

#[cfg(target_os = "linux")]
fn may_change_user() -> bool {
    use rustix::thread::CapabilitySet;
    has(CapabilitySet::SETUID | CapabilitySet::SETGID)
}

#[cfg(target_os = "linux")]
fn may_raise_priority() -> bool {
    has(rustix::thread::CapabilitySet::SYS_NICE)
}

#[cfg(target_os = "linux")]
fn has(wanted: rustix::thread::CapabilitySet) -> bool {
    rustix::thread::capabilities(None).is_ok_and(|own| own.effective.contains(wanted))
}

#[cfg(not(target_os = "linux"))]
fn may_change_user() -> bool {
    geteuid().is_root()
}

#[cfg(not(target_os = "linux"))]
fn may_raise_priority() -> bool {
    geteuid().is_root()
}

/// All of it is supported here.
#[expect(clippy::unnecessary_wraps, reason = "other systems refuse")]
pub(super) fn supports(_key: &str) -> Result<(), String> {
    Ok(())
}

/// Checks that this process may give a program this niceness.
pub(super) fn check_niceness(value: i32) -> Result<(), String> {
    let own = getpriority_process(None).unwrap_or_default();
    if value >= own || may_raise_priority() {
        return Ok(());
    }
    Err(format!(
        "nice: this process has the niceness {own} and no right to give a program less, found {value}; run it as root, or give \
         {own} to 19"
    ))
}

//! The owner of the runs that a scheduler claims between a start and the shutdown.

use std::sync::{Arc, LazyLock};

use apscheduler_core::run::Owner;

/// The names of the program and of the host.
static NAMES: LazyLock<[String; 2]> = LazyLock::new(|| [program_name(), host_name()]);

/// Returns a new owner, named after the program.
pub(super) fn new_owner() -> Arc<Owner> {
    let [program, host] = &*NAMES;
    Arc::new(Owner::new(program.as_str(), host.as_str(), std::process::id()))
}

fn program_name() -> String {
    let program = std::env::current_exe().ok();
    let name = program.as_deref().and_then(|path| path.file_stem());
    name.map_or_else(|| "scheduler".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Returns the name of the host, as far as it can be found without a call of the system.
fn host_name() -> String {
    let from_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let from_environment =
        || ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let name = from_kernel.or_else(from_environment).map(|name| name.trim().to_owned());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_of_one_process_differ_in_their_ids() {
        let (one, other) = (new_owner(), new_owner());
        assert_ne!(one.id, other.id);
        assert_eq!((&one.name, &one.host, one.pid), (&other.name, &other.host, other.pid));
        assert!(!one.host.is_empty());
    }
}

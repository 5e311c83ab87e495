//! The system's limit of threads and processes.
//!
//! An executor starts threads when it needs them, so a number beyond the limit is a warning, not an error.

use std::fs;
use std::path::{Path, PathBuf};

/// Logs a warning if an executor may start more threads or processes than the system allows. `option` is the option that
/// sets their `number`, such as `max_workers`. Linux only.
pub fn warn_of_task_limit(executor: &str, option: &str, number: usize) {
    if let Some(limit) = TaskLimit::of_system(Path::new("/"))
        && number > limit.number
    {
        tracing::warn!(
            "the executor `{executor}` may start {number} threads or processes ({option}), but this system gives this program at \
             most {} ({})",
            limit.number,
            limit.source
        );
    }
}

/// A limit of the system, and its source.
#[derive(Debug, PartialEq)]
struct TaskLimit {
    number: usize,
    source: String,
}

impl TaskLimit {
    /// Returns the lowest limit in the files below `root`.
    fn of_system(root: &Path) -> Option<Self> {
        let whole_system = ["proc/sys/kernel/threads-max", "proc/sys/kernel/pid_max"];
        let whole_system = whole_system.into_iter().filter_map(|file| Self::of_file(root, file));
        whole_system
            .chain(Self::of_user(root))
            .chain(Self::of_control_groups(root))
            .min_by_key(|limit| limit.number)
    }

    fn of_file(root: &Path, file: impl AsRef<Path>) -> Option<Self> {
        let text = fs::read_to_string(root.join(&file)).ok()?;
        let source = format!("/{}", file.as_ref().display());
        // `max` in a control group means no limit.
        text.trim().parse().ok().map(|number| Self { number, source })
    }

    /// Returns the limit of the user, which does not apply to root.
    fn of_user(root: &Path) -> Option<Self> {
        let status = fs::read_to_string(root.join("proc/self/status")).ok()?;
        let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        if uids.split_whitespace().nth(1) == Some("0") {
            return None;
        }
        let limits = fs::read_to_string(root.join("proc/self/limits")).ok()?;
        let soft = limits.lines().find_map(|line| line.strip_prefix("Max processes"))?;
        let number = soft.split_whitespace().next()?.parse().ok()?;
        Some(Self { number, source: "`ulimit -u`".to_owned() })
    }

    /// Returns the lowest limit of the control groups of the process, of both versions.
    fn of_control_groups(root: &Path) -> Option<Self> {
        let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
        let limit_of = |line: &str| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, group) = (parts.next()?, parts.next()?);
            let mount = match controllers {
                "" => PathBuf::from("sys/fs/cgroup"),
                _ if controllers.split(',').any(|name| name == "pids") => {
                    PathBuf::from("sys/fs/cgroup/pids")
                }
                _ => return None,
            };
            let group = Path::new(group.trim_start_matches('/'));
            let files = group.ancestors().map(|group| mount.join(group).join("pids.max"));
            files.filter_map(|file| Self::of_file(root, file)).min_by_key(|limit| limit.number)
        };
        groups.lines().filter_map(limit_of).min_by_key(|limit| limit.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(files: &[(&str, &str)]) -> Option<TaskLimit> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        TaskLimit::of_system(root.path())
    }

    fn limit(number: usize, source: &str) -> TaskLimit {
        TaskLimit { number, source: source.to_owned() }
    }

    const KERNEL: [(&str, &str); 2] =
        [("proc/sys/kernel/threads-max", "63000\n"), ("proc/sys/kernel/pid_max", "32768\n")];
    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
        Max processes             4096                 8192                 processes \n";

    #[test]
    fn the_lowest_limit_applies() {
        assert_eq!(system(&[]), None);
        assert_eq!(system(&KERNEL), Some(limit(32768, "/proc/sys/kernel/pid_max")));
        let user = [
            ("proc/self/limits", LIMITS),
            ("proc/self/status", "Name:\ta\nUid:\t1000\t1000\t1000\t1000\n"),
        ];
        assert_eq!(system(&[KERNEL, user].concat()), Some(limit(4096, "`ulimit -u`")));
        let root = [("proc/self/limits", LIMITS), ("proc/self/status", "Uid:\t0\t0\t0\t0\n")];
        assert_eq!(
            system(&[KERNEL, root].concat()),
            Some(limit(32768, "/proc/sys/kernel/pid_max"))
        );
    }

    #[test]
    fn control_groups_of_both_versions_have_limits() {
        let second = [
            ("proc/self/cgroup", "0::/system.slice/jobs.service\n"),
            ("sys/fs/cgroup/system.slice/jobs.service/pids.max", "max\n"),
            ("sys/fs/cgroup/system.slice/pids.max", "500\n"),
        ];
        assert_eq!(
            system(&[&KERNEL[..], &second].concat()),
            Some(limit(500, "/sys/fs/cgroup/system.slice/pids.max"))
        );
        let first = [
            ("proc/self/cgroup", "12:pids:/docker/abc\n11:memory:/docker/abc\n"),
            ("sys/fs/cgroup/pids/pids.max", "100\n"),
            ("sys/fs/cgroup/memory/pids.max", "1\n"),
        ];
        assert_eq!(
            system(&[&KERNEL[..], &first].concat()),
            Some(limit(100, "/sys/fs/cgroup/pids/pids.max"))
        );
    }
}

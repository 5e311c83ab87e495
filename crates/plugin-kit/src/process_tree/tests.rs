use std::fs;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use super::keeper::Keeper;
use super::*;

/// The longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A grace period that a test never waits for.
const LONG: Duration = Duration::from_secs(600);

/// Leaves the group, and its parent has exited: only the environment shows that it belongs to the tree. Ends at TERM.
const DAEMON: &str = "setsid sh -c 'sleep 600 & echo $! >daemon' &";

/// Ignores TERM, like its children.
const STUBBORN: &str =
    "(trap '' TERM; echo >stubborn; while :; do sleep 600; done) >/dev/null 2>&1 &";

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "timed out waiting for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Starts a tree that runs this script in a directory. Returns when the script has reached its end, where it waits.
fn start(grace: Duration, script: &str) -> (ProcessTree, Child, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let tree = ProcessTree::new(TreeId::random(), grace);
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            &format!("{script} until [ -e wait ]; do sleep 0.01; done; echo >ready; sleep 600"),
        ])
        .current_dir(directory.path())
        .stdin(Stdio::null());
    let child = tree.spawn(&mut command).unwrap();
    for (part, file) in [(DAEMON, "daemon"), (STUBBORN, "stubborn")] {
        if script.contains(part) {
            wait_for(file, || directory.path().join(file).exists());
        }
    }
    fs::write(directory.path().join("wait"), "").unwrap();
    wait_for("the program", || directory.path().join("ready").exists());
    (tree, child, directory)
}

/// Counts the processes whose working directory is this one.
#[cfg(target_os = "linux")]
fn count(directory: &Path) -> usize {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter(|process| {
            fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == directory)
        })
        .count()
}

#[test]
fn term_ends_processes_that_do_not_ignore_it() {
    let (tree, mut child, _directory) = start(LONG, "");
    assert!(!tree.is_empty());
    assert!(!tree.end(), "KILL was not needed");
    assert!(tree.is_empty());
    child.wait().unwrap();
}

#[test]
fn processes_that_ignore_term_are_killed_after_the_grace_period() {
    let grace = Duration::from_millis(300);
    let (tree, mut child, _directory) = start(grace, STUBBORN);
    let begun = Instant::now();
    assert!(tree.end(), "KILL was needed");
    assert!(begun.elapsed() >= grace);
    assert!(tree.is_empty());
    child.wait().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn processes_that_left_the_group_and_lost_their_parent_are_found() {
    let (tree, mut child, directory) = start(LONG, &[DAEMON, DAEMON].concat());
    assert!(count(directory.path()) >= 3);
    assert!(!tree.end());
    assert_eq!(count(directory.path()), 0);
    child.wait().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_tree_without_its_first_process_is_found_by_its_id() {
    let (tree, mut child, directory) = start(LONG, DAEMON);
    child.kill().unwrap();
    child.wait().unwrap();
    let found = ProcessTree::new(tree.shared.id.clone(), LONG);
    assert!(!found.is_empty());
    assert!(!found.end());
    wait_for("the end of all", || count(directory.path()) == 0);
}

#[test]
#[cfg(target_os = "linux")]
fn other_processes_are_left_alone() {
    let (other, mut other_child, _directory) = start(LONG, "");
    let (tree, mut child, _directory) = start(LONG, "");
    tree.end();
    child.wait().unwrap();
    assert!(!other.is_empty());
    other.end();
    other_child.wait().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn processes_already_asked_to_end_get_no_term_and_the_longer_grace_period() {
    let (tree, mut child, _directory) = start(LONG, "");
    let seen = ProcessTree::new(tree.shared.id.clone(), Duration::ZERO);
    let kill_at = seen.is_asked_to_end().unwrap();
    assert!(kill_at > Instant::now() + LONG / 2);
    assert_eq!(seen.terminate(), kill_at);
    assert!(child.try_wait().unwrap().is_none() && !seen.is_empty());
    seen.kill();
    child.wait().unwrap();
    assert_eq!(seen.shared.kill_at(), Some(kill_at));
    assert!(ProcessTree::new(TreeId::random(), LONG).is_asked_to_end().is_none());
}

/// Makes the keeper assume that this process has died.
fn die(keeper: Keeper) -> Child {
    let Keeper { process, socket, .. } = keeper;
    drop(socket);
    process
}

#[test]
#[cfg(target_os = "linux")]
fn the_keeper_ends_the_trees_of_a_process_that_has_died() {
    let (tree, mut child, directory) = start(LONG, DAEMON);
    let grace = Duration::from_millis(400);
    let (killed, mut killed_child, killed_directory) = start(grace, &[DAEMON, STUBBORN].concat());
    let trees = [&tree, &killed].map(|tree| Arc::clone(&tree.shared));
    let begun = Instant::now();
    let mut keeper = die(Keeper::start(&trees).unwrap());
    child.wait().unwrap();
    killed_child.wait().unwrap();
    assert!(keeper.wait().unwrap().success());
    assert!(begun.elapsed() >= grace);
    for directory in [directory, killed_directory] {
        assert_eq!(count(directory.path()), 0);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_keeper_finds_a_tree_without_knowing_its_group() {
    let (tree, mut child, directory) = start(LONG, DAEMON);
    let untold = ProcessTree::new(tree.shared.id.clone(), LONG);
    let mut keeper = die(Keeper::start(&[Arc::clone(&untold.shared)]).unwrap());
    child.wait().unwrap();
    keeper.wait().unwrap();
    assert_eq!(count(directory.path()), 0);
}

#[test]
fn the_keeper_ignores_a_tree_that_was_reported_as_ended() {
    let (tree, mut child, _directory) = start(LONG, "");
    let (other, mut other_child, _other_directory) = start(LONG, "");
    let keeper = Keeper::start(&[&tree, &other].map(|tree| Arc::clone(&tree.shared))).unwrap();
    keeper.tell(&format!("- {}\n", tree.shared.id.as_str())).unwrap();
    let mut keeper = die(keeper);
    other_child.wait().unwrap();
    keeper.wait().unwrap();
    assert!(!tree.is_empty());
    tree.end();
    child.wait().unwrap();
}

#[test]
fn a_keeper_that_was_killed_is_replaced() {
    let mut keepers = keeper::Keepers::new();
    let (tree, mut child, _directory) = start(LONG, "");
    let all = [Arc::clone(&tree.shared)];
    keepers.keep(&tree.shared, &all);
    let first = keepers.pid().unwrap();
    keepers.kill();
    wait_for("a new keeper", || {
        keepers.keep(&tree.shared, &all);
        keepers.pid().unwrap() != first
    });
    drop(keepers);
    child.wait().unwrap();
}

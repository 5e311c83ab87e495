//! Runs the example with a window, without a screen.

#[allow(dead_code, unreachable_pub, reason = "an example")]
#[path = "qt_scheduler.rs"]
mod qt_scheduler;

use std::process::Command;

const PLATFORM: &str = "QT_QPA_PLATFORM";
const ONCE_MORE: &str = "APSCHEDULER_WINDOW_TEST";

fn main() {
    if std::env::var_os(ONCE_MORE).is_some() {
        return qt_scheduler::main().expect("the example runs");
    }
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program).env(PLATFORM, "offscreen").env(ONCE_MORE, "1").output();
    let output = output.expect("this program can be run");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    assert!(text.contains("slow ran \"in a thread\""), "{text}");
    assert!(text.matches("tick ran \"beside the window\"").count() >= 2, "{text}");
    assert!(text.contains("the window is closed"), "{text}");
}

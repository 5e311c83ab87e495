//! Tells the service manager how the program is doing, by the protocol of systemd's `sd_notify(3)`. Without a service
//! manager that listens, all of it does nothing.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use apscheduler::{Scheduler, SchedulerState};

/// The program has started, or has read its configuration again.
pub(crate) fn ready() {
    notify("READY=1");
}

/// The program reads its configuration again, until [`ready`].
pub(crate) fn reloading() {
    notify(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_micros()));
}

/// The program is about to end.
pub(crate) fn stopping() {
    notify("STOPPING=1");
}

/// Says in one line what the program does.
pub(crate) fn status(text: &str) {
    notify(&format!("STATUS={}", apscheduler::printable::line(text)));
}

fn notify(message: &str) {
    let Some(path) = env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else { return };
    if let Err(error) = send(&path, message) {
        tracing::debug!("can't notify the service manager: {error}");
    }
}

fn send(path: &OsStr, message: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    // A service manager that does not read must not hold up anything.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(message.as_bytes(), &address(path)?)?;
    Ok(())
}

/// A path, or a name in the abstract namespace of Linux after `@`.
fn address(path: &OsStr) -> io::Result<SocketAddr> {
    match path.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt as _;
            SocketAddr::from_abstract_name(name)
        }
        #[cfg(not(target_os = "linux"))]
        Some(_) => Err(io::ErrorKind::Unsupported.into()),
        None => SocketAddr::from_pathname(path),
    }
}

fn monotonic_micros() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

/// Gives signs of life to the service manager, if it asks for them, as long as the event loop of the scheduler makes turns.
///
/// # Errors
/// If the thread can't be started.
pub(crate) fn keep_watchdog_quiet(scheduler: &Scheduler) -> io::Result<()> {
    let variable = |name: &str| env::var(name).ok();
    let Some(limit) = watchdog_limit(variable, std::process::id()) else { return Ok(()) };
    let (interval, scheduler) = (limit / 2, scheduler.clone());
    let give_signs = move || {
        loop {
            notify("WATCHDOG=1");
            let mut is_reported = false;
            loop {
                let woken = Instant::now();
                scheduler.wakeup();
                std::thread::sleep(interval);
                if scheduler.state() == SchedulerState::Stopped {
                    return;
                }
                if is_alive(scheduler.since_last_turn(), woken.elapsed()) {
                    break;
                }
                if !std::mem::replace(&mut is_reported, true) {
                    tracing::error!(
                        "the event loop of the scheduler hangs: it has made no turn for {:.1?}; the service manager gets no \
                         sign of life",
                        scheduler.since_last_turn().unwrap_or_default()
                    );
                }
            }
        }
    };
    std::thread::Builder::new().name("apscheduler-watchdog".to_owned()).spawn(give_signs)?;
    Ok(())
}

/// Whether the loop has made a turn after it was woken.
fn is_alive(since_last_turn: Option<Duration>, since_wakeup: Duration) -> bool {
    since_last_turn.is_some_and(|age| age <= since_wakeup)
}

/// How long the service manager waits for a sign of life of this process. `None` if it does not.
fn watchdog_limit(variable: impl Fn(&str) -> Option<String>, process: u32) -> Option<Duration> {
    let micros: u64 = variable("WATCHDOG_USEC")?.parse().ok()?;
    // The variables are inherited by all processes of the service.
    let is_mine = variable("WATCHDOG_PID").is_none_or(|id| id == process.to_string());
    (is_mine && micros > 0).then(|| Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_asked_for_by_two_variables() {
        let limit = |micros: Option<&str>, process: Option<&str>| {
            let read = |name: &str| match name {
                "WATCHDOG_USEC" => micros.map(str::to_owned),
                _ => process.map(str::to_owned),
            };
            watchdog_limit(read, 42)
        };
        assert_eq!(limit(Some("3000000"), Some("42")), Some(Duration::from_secs(3)));
        assert_eq!(limit(Some("3000000"), None), Some(Duration::from_secs(3)));
        assert_eq!(limit(Some("3000000"), Some("43")), None, "it is that of another process");
        assert_eq!(limit(Some("0"), None), None);
        assert_eq!(limit(Some("soon"), None), None);
        assert_eq!(limit(None, Some("42")), None);
    }

    #[test]
    fn a_loop_that_made_no_turn_after_it_was_woken_is_not_alive() {
        let seconds = Duration::from_secs;
        assert!(is_alive(Some(seconds(2)), seconds(2)));
        assert!(is_alive(Some(seconds(1)), seconds(15)));
        assert!(!is_alive(Some(seconds(16)), seconds(15)));
        assert!(!is_alive(None, seconds(15)), "it has made no turn at all");
    }

    #[test]
    fn messages_arrive_at_paths_and_abstract_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let mut sockets = vec![(UnixDatagram::bind(&path).unwrap(), path.into_os_string())];
        #[cfg(target_os = "linux")]
        {
            let name = format!("@apscheduler-test-{}", std::process::id());
            let bound = UnixDatagram::bind_addr(&address(name.as_ref()).unwrap()).unwrap();
            sockets.push((bound, name.into()));
        }
        for (socket, path) in sockets {
            send(&path, "READY=1").unwrap();
            let mut buffer = [0; 64];
            let length = socket.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"READY=1");
        }
        assert!(send("/no/such/socket".as_ref(), "READY=1").is_err());
    }
}

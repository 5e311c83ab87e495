//! The signals that end a server.

use std::io;

/// Completes at Ctrl-C, and on Unix at SIGTERM. It listens from the call on, not only while it is awaited.
///
/// # Errors
/// If the system refuses.
#[cfg(unix)]
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Completes at Ctrl-C.
///
/// # Errors
/// If the system refuses.
#[cfg(not(unix))]
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // An error ends the server too, since nothing else could.
        let _ = tokio::signal::ctrl_c().await;
    })
}

//! What ends a server.

use std::io;

/// Completes at Ctrl-C, and on Unix at SIGTERM. It listens from the call on, not only once it is awaited.
///
/// # Errors
/// That the system refuses.
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
/// That the system refuses.
#[cfg(not(unix))]
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // Nothing else would ever end the server.
        let _ = tokio::signal::ctrl_c().await;
    })
}

//! A server of its own, for programs that have none.

use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_engine::Scheduler;
use axum::Router;
use futures_channel::oneshot::{Receiver, Sender, channel};

use crate::dashboard::Dashboard;
use crate::options::HttpOptions;

/// An address that is bound and not served yet.
#[derive(Debug)]
#[must_use = "call `serve`"]
pub struct BoundServer {
    listener: TcpListener,
    address: SocketAddr,
    options: HttpOptions,
}

impl BoundServer {
    /// Binds the address, so that a program finds out that another one has it before its jobs start.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] with the address.
    pub fn bind(options: HttpOptions) -> Result<Self> {
        let failed = |error: std::io::Error| {
            let message = format!("http: can't listen at {}", options.listen);
            Error::new(ErrorKind::Io, message).with_source(error)
        };
        let listener = TcpListener::bind(options.listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, options })
    }

    /// Returns the address and the port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves a scheduler, on a thread of its own, until the server is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Other`] if no thread can be started.
    pub fn serve(self, scheduler: &Scheduler) -> Result<Server> {
        let HttpOptions { access, hosts, functions, redact, metrics_by_job, rate_limit, .. } =
            self.options;
        let mut dashboard = Dashboard::new(scheduler).access(access).metrics_by_job(metrics_by_job);
        dashboard = dashboard.rate_limit(rate_limit);
        dashboard = hosts.into_iter().fold(dashboard, Dashboard::host);
        dashboard = functions.into_iter().fold(dashboard, Dashboard::function);
        dashboard = redact.into_iter().fold(dashboard, Dashboard::redact);
        let (stop, stopped) = channel();
        let router = dashboard.router();
        let thread = std::thread::Builder::new().name("apscheduler-http-server".to_owned());
        let thread = thread.spawn(move || serve(self.listener, router, stopped));
        let thread = thread.map_err(|error| {
            Error::new(ErrorKind::Other, "can't start a thread").with_source(error)
        })?;
        Ok(Server { address: self.address, stop: Some(stop), thread: Some(thread) })
    }
}

/// A server that runs until it is dropped.
#[derive(Debug)]
#[must_use = "the server ends when this is dropped"]
pub struct Server {
    address: SocketAddr,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Returns the address and the port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the HTTP server panicked");
        }
    }
}

fn serve(listener: TcpListener, router: Router, stopped: Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!("the HTTP server has no runtime: {error}"),
    };
    runtime.block_on(async {
        let listener = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!("the HTTP server can't listen: {error}"),
        };
        // Connections that are open end with the runtime: a client that reads slowly holds up no shutdown.
        tokio::select! {
            served = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()) => if let Err(error) = served {
                tracing::error!("the HTTP server has ended: {error}");
            },
            _ = stopped => {}
        }
    });
}

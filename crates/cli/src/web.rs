//! `apscheduler web`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use anyhow::{Result, anyhow, bail};
use apscheduler::file::JobsFile;
use apscheduler::{BackgroundScheduler, OnRemove};

use crate::signals::{self, Request};
use crate::{log, reaping, service};

/// Serve the HTTP API on the job stores of a file, without running jobs.
///
/// Shows and changes what the stores hold, beside the schedulers that run the jobs, or while none runs. It never runs a job: a
/// run that is asked for waits in the store until a scheduler claims it. The jobs of the file are not read, and not applied.
///
/// The table `http` of the file says where to listen, and who may do what; see the guide. Without it, the API listens at
/// 127.0.0.1:8080, and whoever can reach it may look. Another address needs tokens.
///
/// SIGINT and SIGTERM end it, with status 0. Stores in memory are refused: their jobs are in another process.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WebArgs {
    /// The jobs file that configures the job stores
    #[arg(long, value_name = "FILE", env = "APSCHEDULER_CONFIG")]
    config: PathBuf,
    /// The address and the port, instead of `listen` of the table `http`
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler web --config jobs.toml
  apscheduler web --config jobs.toml --listen 127.0.0.1:9090";

pub(crate) fn web(args: &WebArgs) -> Result<ExitCode> {
    log::start_nonblocking("info");
    let (sender, requests) = mpsc::channel();
    let opening = Arc::new(AtomicBool::new(true));
    // Before anything else: the default action of these signals skips the shutdown.
    signals::forward(sender, {
        let opening = Arc::clone(&opening);
        move |request| match request {
            // Connecting to a store may block for long, and nothing has been changed yet.
            Request::End(_) | Request::Stop(_) if opening.load(Ordering::SeqCst) => {
                std::process::exit(0)
            }
            request => request,
        }
    })?;
    let bound = JobsFile::bind_http_at(&args.config, args.listen.as_deref())?;
    let scheduler = open(args)?;
    opening.store(false, Ordering::SeqCst);
    let server = bound.serve(&scheduler)?;
    tracing::info!("the HTTP API is at http://{}/api/v1", server.address());
    service::status("serving the HTTP API");
    service::ready();
    service::keep_watchdog_quiet(&scheduler)?;
    loop {
        match requests.recv()? {
            Request::Reap => reaping::reap_inherited(),
            Request::Reload => {
                tracing::warn!("SIGHUP is ignored: restart the program to read the file again");
            }
            Request::End(signal) | Request::Stop(signal) => {
                tracing::info!("{}: the server ends", signals::name(signal));
                break;
            }
        }
    }
    service::stopping();
    // No request is served while the stores close.
    drop(server);
    drop(scheduler);
    Ok(ExitCode::SUCCESS)
}

/// Opens the stores for a scheduler that runs no jobs.
fn open(args: &WebArgs) -> Result<BackgroundScheduler> {
    let path = args.config.display();
    let in_file = |error: apscheduler::Error| anyhow!("{path}: {}", error.chain());
    let config = JobsFile::load_config(&args.config)?;
    let scheduler = BackgroundScheduler::builder().config(config).build().map_err(in_file)?;
    let configured = scheduler.jobstore_aliases();
    if configured.is_empty() {
        bail!(
            "{path}: jobstores: there is none, so the jobs of a scheduler are in its memory, where no other program can see \
             them; configure a persistent job store, such as [jobstores.default] with type = \"sqlite\""
        );
    }
    for alias in &configured {
        let can = scheduler.jobstore(alias).map(|store| store.capabilities());
        if !can.is_some_and(|can| can.durable || can.shared) {
            bail!(
                "{path}: jobstores.{alias}: this store keeps its jobs in memory, where no other program can see them; use the \
                 key `http` to serve the API from the program that runs them"
            );
        }
    }
    scheduler.never_process()?;
    scheduler.start_paused().map_err(in_file)?;
    // The start adds a store in memory if none is `default`. Jobs that are added to it would be lost.
    for alias in scheduler.jobstore_aliases() {
        if !configured.contains(&alias) {
            scheduler.remove_jobstore(&alias, OnRemove::ShutDown)?;
        }
    }
    Ok(scheduler)
}

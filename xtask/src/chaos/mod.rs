//! Kills schedulers that share a store, and the server of the store, under load, and stops one for longer than its lease; then
//! accounts for each fire, by the events and by the records in the ledger.
//!
//! Each scheduler is a process `apscheduler run` on the same jobs file, whose jobs fire ten times a second and must not miss
//! a fire. Each writes its events to its own file.

mod accounting;
mod fire;
mod records;
mod scene;
mod scheduler;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::command::{self, cargo};
use crate::libraries;
use crate::services::{self, Server};
use accounting::Account;
use scene::Scene;

/// How many schedulers share the store.
const SCHEDULERS: usize = 3;

/// The processes to kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victims {
    Server,
    ServerAndSchedulers,
    Schedulers,
}

/// Runs the test on these stores, or on all if `names` is empty. `seconds` is the length of a round.
pub(crate) fn run(names: &[String], seconds: u64) -> Result<()> {
    libraries::require_for(&["apscheduler-cli"])?;
    command::run(cargo().args(["build", "-q", "-p", "apscheduler-cli", "--all-features"]))?;
    let folder = services::data_folder()?;
    let result = run_in(&folder, names, Duration::from_secs(seconds));
    // After a failure the files show what went wrong.
    match &result {
        Ok(()) => std::fs::remove_dir_all(&folder)?,
        Err(_) => eprintln!("the events and logs are in {}", folder.display()),
    }
    result
}

fn run_in(folder: &Path, names: &[String], length: Duration) -> Result<()> {
    let all: Vec<&str> = services::names().chain(["sqlite"]).collect();
    let picked: Vec<&str> = match names {
        [] => all,
        names => names.iter().map(String::as_str).collect(),
    };
    let mut failed = Vec::new();
    for name in picked {
        let server_folder = folder.join(format!("{name}-server"));
        let mut server = match name {
            "sqlite" => None,
            name => Some(services::durable(name, &server_folder)?),
        };
        let rounds = match server {
            None => &[Victims::Schedulers][..],
            Some(_) => &[Victims::Server, Victims::ServerAndSchedulers],
        };
        for victims in rounds {
            let place = folder.join(format!("{name}-{victims:?}"));
            let account = round(name, &place, server.as_mut(), *victims, length)?;
            eprintln!("{name}, killing {victims:?}: {account}");
            if !account.is_correct() {
                failed.push(format!("{name}, killing {victims:?}"));
            }
        }
    }
    if !failed.is_empty() {
        bail!("fires were lost or doubled: {}", failed.join("; "));
    }
    Ok(())
}

/// Runs schedulers for this long, and kills something about once a second.
fn round(
    name: &str,
    folder: &Path,
    mut server: Option<&mut Server>,
    victims: Victims,
    length: Duration,
) -> Result<Account> {
    let url = server.as_ref().map(|server| server.url());
    let mut scene = Scene::new(name, folder, url)?;
    for _ in 0..SCHEDULERS {
        scene.start_scheduler()?;
    }
    scene.wait_for_runs()?;
    let begin = Instant::now();
    let mut step = 0;
    while begin.elapsed() < length {
        // One is stopped for longer than its lease: others find it dead, and it goes on after that.
        if step == 1 && victims != Victims::Server {
            scene.stop_scheduler()?;
        }
        scene.continue_scheduler(false)?;
        std::thread::sleep(Duration::from_millis(400 + 97 * (step % 7)));
        let kill_scheduler = match victims {
            Victims::Schedulers => true,
            Victims::Server => false,
            Victims::ServerAndSchedulers => step % 2 == 1,
        };
        if kill_scheduler {
            scene.kill_scheduler()?;
            scene.start_scheduler()?;
        } else if let Some(server) = &mut server {
            server.kill()?;
            std::thread::sleep(Duration::from_millis(50 + 211 * (step % 3)));
            server.restart()?;
            scene.outages += 1;
        }
        step += 1;
    }
    scene.continue_scheduler(true)?;
    scene.wait_for_runs()?;
    scene.finish()
}

//! Schedulers that share a store are killed under load, and its server too, and then every fire time is accounted for.
//!
//! Each scheduler is `apscheduler run` on one jobs file, whose jobs fire ten times a second and must not leave out a
//! fire. Each writes its events to a file of its own.

mod accounting;
mod scene;
mod scheduler;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::command::{self, cargo};
use crate::services::{self, Server};
use accounting::Account;
use scene::Scene;

/// How many schedulers share the store.
const SCHEDULERS: usize = 3;

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victims {
    Server,
    ServerAndSchedulers,
    Schedulers,
}

/// Runs it on these servers, or on all of them and on SQLite.
pub(crate) fn run(names: &[String], seconds: u64) -> Result<()> {
    command::run(cargo().args(["build", "-q", "-p", "apscheduler-cli", "--all-features"]))?;
    let folder = services::data_folder()?;
    let result = run_in(&folder, names, Duration::from_secs(seconds));
    // What is left tells what went wrong.
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
    let mut wrong = Vec::new();
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
            if !account.is_right() {
                wrong.push(format!("{name}, killing {victims:?}"));
            }
        }
    }
    if !wrong.is_empty() {
        bail!("the accounts of {} do not come out even", wrong.join("; "));
    }
    Ok(())
}

/// Lets schedulers run for so long while something is killed every second or so.
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
    scene.wait_for_runs()?;
    scene.finish()
}

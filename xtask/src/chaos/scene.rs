//! The jobs, and the schedulers that run them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::accounting::{Account, Fires, Process};
use super::fire::{Micros, PERIOD, micros};
use super::records::Records;
use super::scheduler::Scheduler;

/// The number of jobs.
const JOBS: usize = 30;

/// The number of jobs in MongoDB: the server that stands for it is slow.
const JOBS_IN_MONGODB: usize = 5;

/// The lease of the schedulers, in seconds.
const LEASE: u64 = 2;

/// How long the schedulers may take to catch up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a jobs file, and schedulers that run it.
pub(super) struct Scene {
    program: PathBuf,
    folder: PathBuf,
    /// When the jobs fire for the first time.
    start: Micros,
    schedulers: Vec<Scheduler>,
    /// A scheduler that is stopped, and since when.
    stopped: Option<(Scheduler, Instant)>,
    started: usize,
    killed: Vec<PathBuf>,
    pub(super) outages: usize,
    /// The number of jobs.
    jobs: usize,
    /// Whether the store answers questions about records quickly. The server that stands for MongoDB here looks at all of them.
    has_fast_records: bool,
}

impl Scene {
    pub(super) fn new(store: &str, folder: &Path, url: Option<&str>) -> Result<Self> {
        fs::create_dir_all(folder)?;
        // A little later than now, so that no fire is due while the jobs are added.
        let start = now()? / 1_000_000 + 2;
        let jobs = if store == "mongodb" { JOBS_IN_MONGODB } else { JOBS };
        fs::write(folder.join("jobs.toml"), jobs_file(store, folder, url, (start, jobs)))?;
        Ok(Self {
            program: crate::command::target().join("debug/apscheduler"),
            folder: folder.to_owned(),
            start: start * 1_000_000,
            schedulers: Vec::new(),
            stopped: None,
            started: 0,
            killed: Vec::new(),
            outages: 0,
            jobs,
            has_fast_records: store != "mongodb",
        })
    }

    pub(super) fn start_scheduler(&mut self) -> Result<()> {
        self.started += 1;
        self.schedulers.push(Scheduler::start(&self.program, &self.folder, self.started)?);
        Ok(())
    }

    /// Kills the oldest scheduler.
    pub(super) fn kill_scheduler(&mut self) -> Result<()> {
        self.killed.push(self.schedulers.remove(0).kill()?);
        Ok(())
    }

    /// Stops the oldest scheduler, as a suspended machine does.
    pub(super) fn stop_scheduler(&mut self) -> Result<()> {
        let scheduler = self.schedulers.remove(0);
        scheduler.signal("-STOP")?;
        self.stopped = Some((scheduler, Instant::now()));
        Ok(())
    }

    /// Lets a scheduler go on that was stopped for longer than its lease, and waits for that if asked to.
    pub(super) fn continue_scheduler(&mut self, wait: bool) -> Result<()> {
        let Some((scheduler, since)) = self.stopped.take() else { return Ok(()) };
        let left = Duration::from_secs(2 * LEASE).saturating_sub(since.elapsed());
        if !left.is_zero() && !wait {
            self.stopped = Some((scheduler, since));
            return Ok(());
        }
        std::thread::sleep(left);
        scheduler.signal("-CONT")?;
        self.schedulers.push(scheduler);
        Ok(())
    }

    /// Waits until all jobs that are due by now have run.
    pub(super) fn wait_for_runs(&self) -> Result<()> {
        let now = now()?.max(self.start);
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(200));
            let next = self.next_run_times()?;
            if next.len() == self.jobs && next.iter().all(|(_, next)| *next > now) {
                return Ok(());
            }
        }
        bail!("the schedulers do not catch up within {} s", PATIENCE.as_secs());
    }

    /// Returns the next run time of each job in the store. All earlier ones were claimed.
    fn next_run_times(&self) -> Result<Vec<(String, Micros)>> {
        let output = self.ask(&["jobs", "list", "--json", "--config", "jobs.toml"])?;
        let jobs: Vec<Value> = serde_json::from_slice(&output)?;
        jobs.iter()
            .map(|job| {
                let id = job["id"].as_str().context("a job without id")?;
                let next = job["next_run_time"].as_str().context("a paused job")?;
                Ok((id.to_owned(), micros(next)?))
            })
            .collect()
    }

    /// Returns what a command of the program prints.
    fn ask(&self, args: &[&str]) -> Result<Vec<u8>> {
        let output = Command::new(&self.program)
            .args(args)
            .current_dir(&self.folder)
            .env("RUST_LOG", "error")
            .output()?;
        if !output.status.success() {
            bail!("apscheduler {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(output.stdout)
    }

    /// Reads all records with these options, page by page: a slow server need not answer with all of them at once.
    fn records(&self, options: &[&str]) -> Result<Records> {
        let (mut records, mut before) = (Records::default(), None::<String>);
        // A server that looks at all records to answer does so once.
        let limit = if self.has_fast_records { "500" } else { "1000000" };
        loop {
            let mut args =
                vec!["runs", "--config", "jobs.toml", "list", "--json", "--limit", limit];
            args.extend(options);
            if let Some(before) = before.as_deref() {
                args.extend(["--before", before]);
            }
            match records.read_page(&self.ask(&args)?)? {
                Some(last) => before = Some(last),
                None => return Ok(records),
            }
        }
    }

    /// Waits until the runs that killed schedulers had open have been settled: others have to find them dead first.
    fn wait_for_settling(&self) -> Result<()> {
        // Fires that come due from now on are claimed by schedulers that live.
        let (now, begin) = (now()?, Instant::now());
        loop {
            // A server that has just been restarted may be slow.
            let open = self.records(&["--state", "claimed"]).map(|open| open.until(now));
            match open {
                Ok(open) if open.is_empty() => return Ok(()),
                _ if begin.elapsed() < PATIENCE => {}
                Ok(open) => bail!(
                    "{} runs of killed schedulers are open after {} s, such as {:?}",
                    open.len(),
                    PATIENCE.as_secs(),
                    open[0]
                ),
                Err(error) => return Err(error.context("the open runs can't be read")),
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Shuts down all schedulers, and accounts for each fire.
    pub(super) fn finish(mut self) -> Result<Account> {
        if self.has_fast_records {
            self.wait_for_settling()?;
        } else {
            // Questions would keep the server from its work. Others find the dead within two leases.
            std::thread::sleep(Duration::from_secs(4 * LEASE));
        }
        let mut processes = Vec::new();
        for events in &self.killed {
            processes.push(Process { events: events.clone(), killed: true });
        }
        for scheduler in self.schedulers.drain(..) {
            processes.push(Process { events: scheduler.drain()?, killed: false });
        }
        let due = self.next_run_times()?.into_iter().flat_map(|(job, next)| {
            let times = (0..).map(|step| self.start + step * PERIOD);
            times.take_while(move |time| *time < next).map(move |time| (job.clone(), time))
        });
        let records = self.records(&[])?;
        if records.is_any_open() {
            bail!("runs are open, and nobody has settled them");
        }
        Ok(Account::of(&Fires::read(&processes)?, &records, due, self.outages))
    }
}

#[expect(clippy::disallowed_methods, reason = "the schedulers use the system's clock")]
fn now() -> Result<Micros> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?)
}

fn jobs_file(store: &str, folder: &Path, url: Option<&str>, (start, jobs): (i64, usize)) -> String {
    let options = match url {
        // All rounds share a server, so each has its own names.
        Some(url) if store == "mongodb" => {
            format!("type = 'mongodb'\nurl = '{url}'\ndatabase = 'chaos{start}'\n")
        }
        Some(url) if store == "redis" => {
            format!(
                "type = 'redis'\nurl = '{url}'\njobs_key = 'chaos{start}'\nrun_times_key = 'chaos{start}.times'\n"
            )
        }
        Some(hosts) if store == "zookeeper" => {
            format!("type = 'zookeeper'\nhosts = '{hosts}'\npath = '/chaos{start}'\n")
        }
        Some(url) if store == "rethinkdb" => {
            format!("type = 'rethinkdb'\nurl = '{url}'\ndatabase = 'chaos{start}'\n")
        }
        Some(url) if store == "etcd" => {
            format!("type = 'etcd'\nendpoints = '{url}'\npath = '/chaos{start}'\n")
        }
        Some(url) => format!("type = 'sqlalchemy'\nurl = '{url}'\ntablename = 'chaos{start}'\n"),
        None => format!("type = 'sqlite'\npath = '{}'\n", folder.join("jobs.sqlite").display()),
    };
    let mut text = format!(
        "timezone = 'UTC'\njobstore_retry_interval = 0.3\nlease = {LEASE}\n\n[jobstores.default]\n{options}\n\
         [job_defaults]\nmisfire_grace_time = 'none'\ncoalesce = false\nmax_instances = 10000\n"
    );
    let start = chrono::DateTime::from_timestamp(start, 0).unwrap_or_default().to_rfc3339();
    for number in 0..jobs {
        // Writing to a String can't fail.
        let _ = writeln!(
            text,
            "\n[[jobs]]\nid = 'job{number}'\nfunc = 'log'\nkwargs = {{ message = 'x', level = 'debug' }}\n\
             trigger = {{ type = 'interval', seconds = 0.1, start_date = '{start}' }}"
        );
    }
    text
}

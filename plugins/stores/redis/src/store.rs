//! The store.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apscheduler_core::store::{
    ChangeNotifier, Claim, ClaimCursor, ClaimRequest, Claims, Cursor, Decision, JobRecord,
    JobStore, NewRecord, NextRun, StoreCapabilities, TieBreaker, Watch,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::{
    Batch, ClaimToken, ClaimTokens, ClaimsInDoubt, Contention, Replacement,
};
use redis::{Cmd, Value};

use crate::connection::{Connections, Repeat};
use crate::options::RedisOptions;
use crate::script::{FORMAT, PAGE, Script, Scripts};
use crate::text::{PAUSED, read_record, run_time_text, time_text};
use crate::{WHAT, read_only, watch};

/// More jobs than this would make a call that the server takes for nonsense.
const MOST_ADDED: usize = 250_000;

/// Keeps jobs in Redis. Any number of processes may share them.
pub struct RedisJobStore {
    connections: Arc<Connections>,
    scripts: Scripts,
    keys: Keys,
    channel: String,
    /// The name that the keys have for themselves since the store was started.
    name: Mutex<String>,
    replacement: Replacement,
    is_read_only: AtomicBool,
    /// What it publishes, so that it knows its own changes.
    own: String,
    tokens: ClaimTokens,
    in_doubt: ClaimsInDoubt<String>,
    contention: Contention,
}

/// The names of the keys.
pub(crate) struct Keys {
    pub(crate) jobs: String,
    pub(crate) run_times: String,
    pub(crate) meta: String,
    pub(crate) run_times_meta: String,
}

/// What the keys say of themselves.
pub(crate) struct Marks {
    /// The version; none where they are not ours.
    pub(crate) format: Option<String>,
    /// The jobs that the run times belong to.
    pub(crate) owner: String,
    /// The run times that belong to the jobs.
    pub(crate) kept: String,
    /// Something is there.
    pub(crate) is_used: bool,
}

impl RedisJobStore {
    /// A store on the server with this URL, with the usual keys. It connects when the scheduler starts it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where it is no URL of a Redis server.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        Self::with_options(RedisOptions::default().url(url))
    }

    /// A store with these options. It connects when the scheduler starts it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the option.
    pub fn with_options(options: RedisOptions) -> Result<Self> {
        let target = options.resolve()?;
        Ok(Self {
            connections: Arc::new(Connections::new(&options, &target)?),
            scripts: Scripts::new(),
            keys: Keys {
                jobs: options.jobs_key,
                run_times: options.run_times_key,
                meta: target.meta_key,
                run_times_meta: target.run_times_meta_key,
            },
            channel: target.channel,
            name: Mutex::default(),
            replacement: Replacement::default(),
            is_read_only: AtomicBool::new(false),
            own: uuid::Uuid::new_v4().simple().to_string(),
            tokens: ClaimTokens::default(),
            in_doubt: ClaimsInDoubt::default(),
            contention: Contention::default(),
        })
    }

    fn call(&self, script: &Script) -> Cmd {
        script.call([&self.keys.jobs, &self.keys.run_times, &self.keys.meta])
    }

    /// Runs a script. Where the keys are gone, this makes them anew, and fails.
    fn run(&self, script: &Script, call: &Cmd, repeat: Repeat) -> Result<Value> {
        self.connections.run(script, call, repeat).map_err(|error| {
            if error.kind() == ErrorKind::StoreReplaced { self.replaced(&error) } else { error }
        })
    }

    /// The keys are gone, or others. What is there now is ours to work with.
    fn replaced(&self, found: &Error) -> Error {
        match self.begin() {
            Ok(()) => self.replacement.found(found.message()).with_plugin(WHAT),
            Err(error) => error,
        }
    }

    /// Checks the keys, and makes those that are missing.
    fn begin(&self) -> Result<()> {
        let Keys { jobs, run_times, meta, run_times_meta } = &self.keys;
        let mut call = self.scripts.start.call([jobs, run_times, meta, run_times_meta]);
        call.arg(FORMAT).arg(uuid::Uuid::new_v4().simple().to_string());
        let answer = self.connections.run(&self.scripts.start, &call, Repeat::Allowed)?;
        let mut texts = texts(answer)?.map(|text| String::from_utf8_lossy(&text).into_owned());
        let mut next = || texts.next().unwrap_or_default();
        let (format, owner, kept, name) = (next(), next(), next(), next());
        let format = (!format.is_empty()).then_some(format);
        self.check(&Marks { format, owner, kept, is_used: true })?;
        *self.name() = name;
        Ok(())
    }

    /// Refuses keys that are not ours.
    fn check(&self, marks: &Marks) -> Result<()> {
        let Keys { jobs, run_times, .. } = &self.keys;
        let (Marks { format, owner, kept, .. }, address) = (marks, self.connections.address());
        match format.as_deref() {
            None | Some(FORMAT) if owner != jobs => Err(store_error(format!(
                "the run times in `{run_times}` at {address} belong to the jobs in `{owner}`, and not to those in \
                 `{jobs}`; choose another `run_times_key`",
            ))),
            None | Some(FORMAT) if kept != run_times => Err(store_error(format!(
                "the jobs in `{jobs}` at {address} have their run times in `{kept}`, and not in `{run_times}`; choose \
                 that `run_times_key`, or another `jobs_key`",
            ))),
            Some(FORMAT) => Ok(()),
            None => Err(store_error(format!(
                "`{jobs}` and `{run_times}` at {address} are in use, but not by this program (APScheduler's own jobs \
                 can't be read); choose other keys",
            ))),
            Some(newer) => Err(store_error(format!(
                "the jobs in `{jobs}` at {address} have the format {newer}; this version knows {FORMAT}",
            ))),
        }
    }

    fn name(&self) -> MutexGuard<'_, String> {
        self.name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_read_only(&self) -> bool {
        self.is_read_only.load(Ordering::Acquire)
    }

    /// A call of a script that tells the others.
    fn change(&self, script: &Script) -> Cmd {
        let mut call = self.call(script);
        call.arg(&self.channel).arg(&self.own);
        call
    }

    /// A whole number that a script returned.
    fn number(&self, script: &Script, call: &Cmd) -> Result<i64> {
        match self.run(script, call, Repeat::Forbidden)? {
            Value::Int(number) => Ok(number),
            other => Err(unexpected(&other)),
        }
    }

    /// Writes claims, and returns those that were won.
    fn write(&self, claims: Vec<Claim>) -> Result<Vec<Claim>> {
        if claims.is_empty() {
            return Ok(claims);
        }
        let ClaimToken { token, answered } = self.tokens.next();
        let mut call = self.change(&self.scripts.claim);
        call.arg(&token).arg(answered.join(" "));
        for Claim { record, outcome } in &claims {
            let next = match outcome.next {
                NextRun::At(time) => time_text(time),
                NextRun::Finished => String::new(),
            };
            call.arg(&*record.id).arg(record.revision).arg(next);
        }
        match self.run(&self.scripts.claim, &call, Repeat::Forbidden) {
            Ok(Value::BulkString(won)) => {
                self.tokens.answered(token);
                let marked = claims.into_iter().zip(won);
                Ok(marked.filter_map(|(claim, won)| (won == b'1').then_some(claim)).collect())
            }
            Ok(answer) => Err(unexpected(&answer)),
            Err(error) => {
                // Whatever the error is: the server may have written it before.
                self.tokens.unanswered(answered);
                self.in_doubt.keep(token, claims);
                Err(error)
            }
        }
    }

    /// Which of the claims were won that were sent with a token, and not answered.
    fn find_out(&self, token: &str, claims: &[Claim]) -> Result<Vec<bool>> {
        let mut call = self.call(&self.scripts.claimed);
        call.arg(token);
        match self.run(&self.scripts.claimed, &call, Repeat::Allowed)? {
            Value::BulkString(won) if won.is_empty() => Ok(vec![false; claims.len()]),
            Value::BulkString(won) => {
                self.tokens.answered(token.to_owned());
                Ok(won.into_iter().map(|won| won == b'1').collect())
            }
            other => Err(unexpected(&other)),
        }
    }

    /// The records between two bounds but for the first `skip`, `limit` at the most.
    fn fetch(&self, from: String, to: &str, skip: usize, limit: usize) -> Result<Vec<JobRecord>> {
        if self.is_read_only() {
            return read_only::fetch(&self.connections, &self.keys, from, to, limit);
        }
        let mut records = Vec::new();
        let (mut from, mut skip) = (from, skip);
        while records.len() < limit {
            let mut call = self.call(&self.scripts.fetch);
            call.arg(&from).arg(to).arg(skip).arg(PAGE.min(limit - records.len()));
            skip = 0;
            let answer = self.run(&self.scripts.fetch, &call, Repeat::Allowed)?;
            let mut texts = texts(answer)?;
            let name = texts.next().unwrap_or_default();
            if name != self.name().as_bytes() {
                let message = format!(
                    "the keys of the jobs at {} are others than before: the server was emptied, or has lost its data",
                    self.connections.address()
                );
                return Err(self.replaced(&Error::new(ErrorKind::StoreReplaced, message)));
            }
            let last = texts.next().unwrap_or_default();
            while let (Some(entry), Some(value)) = (texts.next(), texts.next()) {
                let entry = String::from_utf8_lossy(&entry);
                let (run_time, id) = entry.split_once(' ').unwrap_or(("", &entry));
                records.push(read_record(id.into(), run_time, &value));
            }
            if last.is_empty() {
                break;
            }
            from = format!("({}", String::from_utf8_lossy(&last));
        }
        Ok(records)
    }
}

impl JobStore for RedisJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            durable: true,
            shared: true,
            serializes: true,
            blocking: true,
            watch: true,
        }
    }

    fn start(&self, _alias: &str) -> Result<()> {
        self.is_read_only.store(false, Ordering::Release);
        self.begin()
    }

    fn start_read_only(&self, _alias: &str) -> Result<()> {
        let marks = read_only::marks(&self.connections, &self.keys)?;
        if marks.format.is_none() && !marks.is_used {
            tracing::warn!(
                "there is no `{}` at {}, so there are no jobs",
                self.keys.jobs,
                self.connections.address()
            );
        } else {
            self.check(&marks)?;
        }
        self.is_read_only.store(true, Ordering::Release);
        Ok(())
    }

    fn shutdown(&self) -> Result<()> {
        self.connections.close();
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        if self.is_read_only() {
            return read_only::find(&self.connections, &self.keys, id);
        }
        let mut call = self.call(&self.scripts.find);
        call.arg(id);
        match self.run(&self.scripts.find, &call, Repeat::Allowed)? {
            Value::BulkString(value) => Ok(Some(read_record(id.into(), PAUSED, &value))),
            Value::Nil => Ok(None),
            other => Err(unexpected(&other)),
        }
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        let from = after.map_or("-".to_owned(), |after| {
            format!("({} {}", run_time_text(after.next_run_time), after.id)
        });
        self.fetch(from, "+", 0, limit)
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        let from = after.map_or("-".to_owned(), |after| format!("({}!", time_text(after)));
        let first = self.fetch(from, &format!("({PAUSED}"), 0, 1)?;
        Ok(first.first().and_then(|record| record.next_run_time))
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        if records.len() > MOST_ADDED {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{} jobs in one call; the most is {MOST_ADDED}", records.len()),
            )
            .with_plugin(WHAT));
        }
        let mut ids = HashSet::with_capacity(records.len());
        if let Some(twice) = records.iter().find(|record| !ids.insert(&record.id)) {
            return Err(Error::conflicting_id(&*twice.id));
        }
        let mut call = self.change(&self.scripts.add);
        for record in &records {
            call.arg(&*record.id)
                .arg(if record.replace { "1" } else { "0" })
                .arg(run_time_text(record.next_run_time))
                .arg(record.text()?);
        }
        let in_the_way = self.number(&self.scripts.add, &call)?;
        match usize::try_from(in_the_way - 1).ok().and_then(|place| records.get(place)) {
            Some(record) => Err(Error::conflicting_id(&*record.id)),
            None => Ok(()),
        }
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let mut call = self.change(&self.scripts.update);
        call.arg(&*record.id)
            .arg(record.revision)
            .arg(run_time_text(record.next_run_time))
            .arg(record.text()?);
        match self.number(&self.scripts.update, &call)? {
            -1 => Err(Error::job_lookup(&*record.id)),
            written => Ok(written == 1),
        }
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        let mut call = self.change(&self.scripts.remove);
        call.arg(id);
        Ok(self.number(&self.scripts.remove, &call)? > 0)
    }

    fn remove_all_jobs(&self) -> Result<()> {
        let call = self.change(&self.scripts.remove_all);
        self.number(&self.scripts.remove_all, &call).map(drop)
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.replacement.claim(|| {
            let find_out =
                |token: &String, claims: &[Claim]| self.find_out(token, claims).map(Some);
            if let Some(claims) = self.in_doubt.settle(due, find_out, decide)? {
                return Ok(claims);
            }
            let from = match &due.after {
                Some(ClaimCursor { next_run_time, tie_breaker: TieBreaker::Id(id) }) => {
                    format!("({} {id}", time_text(*next_run_time))
                }
                // A cursor of another store, or none: from the beginning.
                _ => "-".to_owned(),
            };
            let (to, ahead) = (format!("({}!", time_text(due.now)), self.contention.ahead(due));
            let records = self.fetch(from, &to, ahead, due.limit)?;
            let Batch { claims, resume } = Batch::decide(records, due, decide);
            let attempted = claims.len();
            let claims = self.write(claims)?;
            Ok(self.contention.outcome(due, attempted, Claims { won: claims, resume }))
        })
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        let connections = Arc::clone(&self.connections);
        watch::start(connections, self.channel.clone(), self.own.clone(), changed).map(Some)
    }
}

fn store_error(message: String) -> Error {
    Error::new(ErrorKind::Store, message).with_plugin(WHAT)
}

pub(crate) fn unexpected(answer: &Value) -> Error {
    let kind = match answer {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) | Value::SimpleString(_) => "text",
        _ => "something else",
    };
    store_error(format!("the server answered a script with {kind}, which is not what it returns"))
}

/// The texts that a script returned.
pub(crate) fn texts(answer: Value) -> Result<impl Iterator<Item = Vec<u8>>> {
    let Value::Array(items) = answer else { return Err(unexpected(&answer)) };
    Ok(items.into_iter().map(|item| match item {
        Value::BulkString(text) => text,
        _ => Vec::new(),
    }))
}

impl fmt::Debug for RedisJobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisJobStore")
            .field("address", &self.connections.address())
            .field("jobs_key", &self.keys.jobs)
            .finish_non_exhaustive()
    }
}

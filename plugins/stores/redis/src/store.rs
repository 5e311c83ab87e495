//! The store.

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
    ClaimToken, ClaimTokens, ClaimsInDoubt, Contention, DecidedBatch, Replacement,
    refuse_duplicate_ids,
};
use redis::{Cmd, Value};

use crate::answer::{texts, unexpected};
use crate::connection::{Connections, Repeat};
use crate::keys::{KeyMetadata, Keys};
use crate::names::STORE_NAME;
use crate::options::RedisOptions;
use crate::script::{FORMAT, PAGE, Script, Scripts};
use crate::text::{PAUSED, read_record, run_time_text, time_text};
use crate::{read_only, watch};

/// The most jobs in one call: the server rejects larger calls as a protocol error.
const MOST_ADDED: usize = 250_000;

/// Keeps jobs in Redis. Any number of processes may share them.
pub struct RedisJobStore {
    connections: Arc<Connections>,
    scripts: Scripts,
    keys: Keys,
    channel: String,
    /// The identity of the keys since the store was started. Replaced keys have another one.
    identity: Mutex<String>,
    replacement: Replacement,
    is_read_only: AtomicBool,
    /// What this store publishes, to recognize its own changes.
    own: String,
    tokens: ClaimTokens,
    in_doubt: ClaimsInDoubt<String>,
    contention: Contention,
}

impl RedisJobStore {
    /// Creates a store at this URL, with the default keys. It connects when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the URL is invalid.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        Self::with_options(RedisOptions::default().url(url))
    }

    /// Creates a store with these options. It connects when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the option.
    pub fn with_options(options: RedisOptions) -> Result<Self> {
        let config = options.check()?;
        Ok(Self {
            connections: Arc::new(Connections::new(&config)?),
            scripts: Scripts::new(),
            keys: config.keys,
            channel: config.channel,
            identity: Mutex::default(),
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

    /// Runs a script. If the keys are missing, this creates them again, and fails.
    fn run(&self, script: &Script, call: &Cmd, repeat: Repeat) -> Result<Value> {
        self.connections.run(script, call, repeat).map_err(|error| {
            if error.kind() == ErrorKind::StoreReplaced { self.replaced(&error) } else { error }
        })
    }

    /// Switches to the keys that exist now, and returns the error for the replacement.
    fn replaced(&self, found: &Error) -> Error {
        match self.prepare() {
            Ok(()) => self.replacement.found(found.message()).with_plugin(STORE_NAME),
            Err(error) => error,
        }
    }

    /// Checks the keys, and creates those that are missing.
    fn prepare(&self) -> Result<()> {
        let Keys { jobs, run_times, meta, run_times_meta } = &self.keys;
        let mut call = self.scripts.start.call([jobs, run_times, meta, run_times_meta]);
        call.arg(FORMAT).arg(uuid::Uuid::new_v4().simple().to_string());
        let answer = self.connections.run(&self.scripts.start, &call, Repeat::Allowed)?;
        let mut texts = texts(answer)?.map(|text| String::from_utf8_lossy(&text).into_owned());
        let mut next = || texts.next().unwrap_or_default();
        let (format, owner, run_times, identity) = (next(), next(), next(), next());
        let format = (!format.is_empty()).then_some(format);
        let metadata = KeyMetadata { format, owner, run_times, exist: true };
        self.keys.check(&metadata, self.connections.address())?;
        *self.identity() = identity;
        Ok(())
    }

    fn identity(&self) -> MutexGuard<'_, String> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_read_only(&self) -> bool {
        self.is_read_only.load(Ordering::Acquire)
    }

    /// Returns a call of a script that notifies others.
    fn change(&self, script: &Script) -> Cmd {
        let mut call = self.call(script);
        call.arg(&self.channel).arg(&self.own);
        call
    }

    /// Runs a script that returns a whole number.
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
        for Claim { record, outcome, .. } in &claims {
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
                // After any error: the server may have written the claims.
                self.tokens.unanswered(answered);
                self.in_doubt.keep(token, claims);
                Err(error)
            }
        }
    }

    /// Returns which of the claims were won that were sent with a token but not answered.
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

    /// Returns at most `limit` records between two bounds, after the first `skip`.
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
            let identity = texts.next().unwrap_or_default();
            if identity != self.identity().as_bytes() {
                let message = format!(
                    "the keys of the jobs at {} were replaced: the server was emptied, or has lost its data",
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
        StoreCapabilities::all()
    }

    fn start(&self, _alias: &str) -> Result<()> {
        self.is_read_only.store(false, Ordering::Release);
        self.prepare()
    }

    fn start_read_only(&self, _alias: &str) -> Result<()> {
        let metadata = read_only::metadata(&self.connections, &self.keys)?;
        if metadata.format.is_none() && !metadata.exist {
            tracing::warn!(
                "there is no `{}` at {}, so there are no jobs",
                self.keys.jobs,
                self.connections.address()
            );
        } else {
            self.keys.check(&metadata, self.connections.address())?;
        }
        self.is_read_only.store(true, Ordering::Release);
        Ok(())
    }

    fn shutdown(&self) -> Result<()> {
        self.connections.close_idle();
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
                format!("{} jobs in one call; the maximum is {MOST_ADDED}", records.len()),
            )
            .with_plugin(STORE_NAME));
        }
        refuse_duplicate_ids(&records)?;
        let mut call = self.change(&self.scripts.add);
        for record in &records {
            call.arg(&*record.id)
                .arg(if record.replace { "1" } else { "0" })
                .arg(run_time_text(record.next_run_time))
                .arg(record.text()?);
        }
        let taken = self.number(&self.scripts.add, &call)?;
        match usize::try_from(taken - 1).ok().and_then(|place| records.get(place)) {
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
                Some(ClaimCursor { next_run_time, tie_breaker: TieBreaker::Id(id), .. }) => {
                    format!("({} {id}", time_text(*next_run_time))
                }
                // A cursor of another store, or none: start over.
                _ => "-".to_owned(),
            };
            let (to, skip) = (format!("({}!", time_text(due.now)), self.contention.skip(due));
            let records = self.fetch(from, &to, skip, due.limit)?;
            let mut claims = DecidedBatch::of_snapshot(records, due, decide).into_claims();
            let attempted = claims.won.len();
            claims.won = self.write(claims.won)?;
            Ok(self.contention.outcome(due, attempted, claims))
        })
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        let connections = Arc::clone(&self.connections);
        watch::start(connections, self.channel.clone(), self.own.clone(), changed).map(Some)
    }
}

impl fmt::Debug for RedisJobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisJobStore")
            .field("address", &self.connections.address())
            .field("jobs_key", &self.keys.jobs)
            .finish_non_exhaustive()
    }
}

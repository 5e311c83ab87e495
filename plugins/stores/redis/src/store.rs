//! The store.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    ChangeNotifier, Claim, ClaimCursor, ClaimRequest, Claims, Cursor, Decision, JobRecord,
    JobStore, NewRecord, NextRun, StoreCapabilities, TieBreaker, Watch,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::text::{PAUSED, row_text, run_time_text, time_text};
use apscheduler_plugin_kit::store::{
    ClaimToken, ClaimTokens, ClaimsInDoubt, Contention, DecidedBatch, refuse_duplicate_ids,
};
use redis::{Cmd, Value};

use crate::access::Access;
use crate::answer::{texts, unexpected};
use crate::connection::{Connections, Repeat};
use crate::ledger::RedisLedger;
use crate::ledger_text::{batch_texts, entry_text};
use crate::names::STORE_NAME;
use crate::options::RedisOptions;
use crate::read_only;
use crate::script::{PAGE, Script};
use crate::text::read_record;
use crate::watch;

/// The most jobs in one call: the server rejects larger calls as a protocol error.
const MOST_ADDED: usize = 250_000;

/// Keeps jobs in Redis. Any number of processes may share them.
pub struct RedisJobStore {
    access: Arc<Access>,
    channel: String,
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
            access: Arc::new(Access::new(Connections::new(&config)?, config.keys)),
            channel: config.channel,
            own: uuid::Uuid::new_v4().simple().to_string(),
            tokens: ClaimTokens::default(),
            in_doubt: ClaimsInDoubt::default(),
            contention: Contention::default(),
        })
    }

    /// Returns a call of a script that notifies others.
    fn change(&self, script: &Script) -> Cmd {
        let mut call = self.access.call(script);
        call.arg(&self.channel).arg(&self.own);
        call
    }

    /// Writes claims and their journal entry, and returns those that were won.
    fn write(&self, due: &ClaimRequest, claims: Vec<Claim>) -> Result<Vec<Claim>> {
        if claims.is_empty() {
            return Ok(claims);
        }
        let ClaimToken { token, answered } = self.tokens.next();
        let script = &self.access.claim_scripts.claim;
        let mut call = script.call(&self.access.keys.of_claim());
        call.arg(&self.channel).arg(&self.own).arg(&token).arg(answered.join(" "));
        call.arg(&batch_texts(due.batch)).arg(claims.len());
        let mut open = Vec::new();
        for (number, claim) in (1..).zip(&claims) {
            let Claim { record, outcome, .. } = claim;
            let next = match outcome.next {
                NextRun::At(time) => time_text(time),
                NextRun::Finished => String::new(),
            };
            let (entry, runs) = entry_text(due, claim);
            call.arg(&*record.id).arg(record.revision).arg(next).arg(entry);
            open.extend(runs.into_iter().map(|run| (number, run)));
        }
        for (number, run) in open {
            let number: usize = number;
            call.arg(number).arg(run.run_id.to_string()).arg(row_text(&run));
        }
        match self.access.run(script, &call, Repeat::Forbidden) {
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
        let mut call = self.access.call(&self.access.claim_scripts.claimed);
        call.arg(token);
        match self.access.run(&self.access.claim_scripts.claimed, &call, Repeat::Allowed)? {
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
        if self.access.is_read_only() {
            return read_only::fetch(&self.access.connections, &self.access.keys, from, to, limit);
        }
        let mut records = Vec::new();
        let (mut from, mut skip) = (from, skip);
        while records.len() < limit {
            let mut call = self.access.call(&self.access.scripts.fetch);
            call.arg(&from).arg(to).arg(skip).arg(PAGE.min(limit - records.len()));
            skip = 0;
            let answer = self.access.run(&self.access.scripts.fetch, &call, Repeat::Allowed)?;
            let mut texts = texts(answer)?;
            self.access.check_identity(&texts.next().unwrap_or_default())?;
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
        self.access.start()
    }

    fn start_read_only(&self, _alias: &str) -> Result<()> {
        self.access.start_read_only()
    }

    fn shutdown(&self) -> Result<()> {
        self.access.connections.close_idle();
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        if self.access.is_read_only() {
            return read_only::find(&self.access.connections, &self.access.keys, id);
        }
        let mut call = self.access.call(&self.access.scripts.find);
        call.arg(id);
        match self.access.run(&self.access.scripts.find, &call, Repeat::Allowed)? {
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
        let mut call = self.change(&self.access.scripts.add);
        for record in &records {
            call.arg(&*record.id)
                .arg(if record.replace { "1" } else { "0" })
                .arg(run_time_text(record.next_run_time))
                .arg(record.text()?);
        }
        let taken = self.access.number(&self.access.scripts.add, &call)?;
        match usize::try_from(taken - 1).ok().and_then(|place| records.get(place)) {
            Some(record) => Err(Error::conflicting_id(&*record.id)),
            None => Ok(()),
        }
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let mut call = self.change(&self.access.scripts.update);
        call.arg(&*record.id)
            .arg(record.revision)
            .arg(run_time_text(record.next_run_time))
            .arg(record.text()?);
        match self.access.number(&self.access.scripts.update, &call)? {
            -1 => Err(Error::job_lookup(&*record.id)),
            written => Ok(written == 1),
        }
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        let mut call = self.change(&self.access.scripts.remove);
        call.arg(id);
        Ok(self.access.number(&self.access.scripts.remove, &call)? > 0)
    }

    fn remove_all_jobs(&self) -> Result<()> {
        let call = self.change(&self.access.scripts.remove_all);
        self.access.number(&self.access.scripts.remove_all, &call).map(drop)
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.access.replacement.claim(|| {
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
            claims.won = self.write(due, claims.won)?;
            Ok(self.contention.outcome(due, attempted, claims))
        })
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        Some(Arc::new(RedisLedger::new(&self.access)))
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        let connections = Arc::clone(&self.access.connections);
        watch::start(connections, self.channel.clone(), self.own.clone(), changed).map(Some)
    }
}

impl fmt::Debug for RedisJobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisJobStore")
            .field("address", &self.access.connections.address())
            .field("jobs_key", &self.access.keys.jobs)
            .finish_non_exhaustive()
    }
}

//! Claims due jobs.
//!
//! The claims of a batch are written in several requests. Each contains a token and the entry in the journal for its own
//! claims, so it is known of each request whether it was executed, and whatever was won is in the journal. A request in
//! which somebody else was first is sent again without the lost claims.

use std::collections::HashMap;
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::{BatchId, Journal};
use apscheduler_core::run::OwnerId;
use apscheduler_core::store::{
    Claim, ClaimCursor, ClaimRequest, Claims, Decision, JobRecord, NextRun, TieBreaker,
};
use apscheduler_plugin_kit::store::text::{journal_text, time_text};
use apscheduler_plugin_kit::store::{ClaimTokens, ClaimsInDoubt, Contention, DecidedBatch};
use zookeeper_client::Error as ClientError;

use crate::access::Access;
use crate::failure::{Attempt, Failure};
use crate::finding::{Range, timed};
use crate::jobs::{Change, Stored, read};
use crate::nodes::Nodes;
use crate::open_rows;
use crate::session::Session;
use crate::transaction::{Operation, Outcome, Room, commit, is_too_large, unexpected};
use crate::writing::{MAX_TRIES, tell};

/// The most claims in one request.
const MOST_CLAIMS: usize = 100;

/// What claims of a store remember.
#[derive(Debug, Default)]
pub(crate) struct Claimer {
    tokens: ClaimTokens,
    in_doubt: ClaimsInDoubt<String>,
    contention: Contention,
}

/// Claims that are written with one request.
#[derive(Default)]
struct Part {
    token: String,
    claims: Vec<Claim>,
    is_written: bool,
}

/// The jobs of a batch as they were read, by id.
type Read = HashMap<Arc<str>, Stored>;

impl Claimer {
    /// Claims what is due.
    pub(crate) fn claim(
        &self,
        access: &Access,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        let find_out = |token: &String, claims: &[Claim]| {
            let is_written = is_written(access, token)?;
            Ok(Some(vec![is_written; claims.len()]))
        };
        if let Some(claims) = self.in_doubt.settle(due, find_out, decide)? {
            return Ok(claims);
        }
        let after = due.after.as_ref().and_then(|after| match after {
            ClaimCursor { next_run_time, tie_breaker: TieBreaker::Id(id), .. } => {
                Some((time_text(*next_run_time), id.to_string()))
            }
            // Of another store: from the beginning.
            _ => None,
        });
        let range = Range { after, until: Some(time_text(due.now)) };
        let skip = self.contention.skip(due);
        let found = access.run(async |session, nodes| {
            timed(access, (session, nodes), range.clone(), skip, due.limit).await
        })?;
        let records = found.iter().map(|stored| stored.record.clone()).collect();
        let mut read: Read =
            found.into_iter().map(|stored| (Arc::clone(&stored.record.id), stored)).collect();
        let decided = DecidedBatch::of_snapshot(records, due, decide).into_claims();
        let Claims { won: claims, resume, .. } = decided;
        let attempted = claims.len();
        let mut parts = self.parts(access, due, claims, &read);
        let written = access.attempt(async |session, nodes| {
            write(access, (session, nodes), due, &mut parts, &mut read).await
        });
        match written {
            Ok(()) => {
                let won = parts.into_iter().flat_map(|part| part.claims).collect();
                let claims = Claims::new(won, resume);
                Ok(self.contention.outcome(due, attempted, claims))
            }
            Err(failure) => {
                // After any failure: the server may have executed some of the requests.
                for Part { token, claims, .. } in parts {
                    self.in_doubt.keep(token, claims);
                }
                Err(access.explain(failure))
            }
        }
    }

    /// Splits claims into parts.
    fn parts(
        &self,
        access: &Access,
        due: &ClaimRequest,
        claims: Vec<Claim>,
        read: &Read,
    ) -> Vec<Part> {
        let nobody = Nodes::new(&access.config().path, "");
        let (mut parts, mut room): (Vec<Part>, _) = (Vec::new(), Room::default());
        for claim in claims {
            let Some(change) = change(&nobody, &claim, read) else { continue };
            let mut operations = change.operations;
            operations.extend(record(&nobody, due, "", std::slice::from_ref(&claim)));
            if is_too_large(&operations) {
                tracing::error!(
                    job_id = &*claim.record.id,
                    "too many run times are due at once for a request to the server; set `coalesce`, or a `catchup_limit`"
                );
                continue;
            }
            let has_room = room.take(&operations);
            match parts.last_mut() {
                Some(part) if has_room && part.claims.len() < MOST_CLAIMS => {
                    part.claims.push(claim);
                }
                _ => {
                    room = Room::default();
                    room.take(&operations);
                    let token = self.tokens.next().token;
                    parts.push(Part { token, claims: vec![claim], is_written: false });
                }
            }
        }
        parts
    }
}

/// Returns whether the request with a token was executed. If not, it never will be: the token is taken.
fn is_written(access: &Access, token: &str) -> Result<bool> {
    access.run(async |session, nodes| {
        let options = session.persistent();
        match session.client.create(&nodes.claim(token), b"", &options).await {
            Ok(_) => Ok(false),
            Err(ClientError::NodeExists) => Ok(true),
            // The jobs are others by now.
            Err(ClientError::NoNode) => Err(Failure::Missing),
            Err(error) => Err(Failure::of_write(error)),
        }
    })
}

/// Returns the change of a job that is claimed.
fn change(nodes: &Nodes, claim: &Claim, read: &Read) -> Option<Change> {
    let Claim { record, outcome, .. } = claim;
    let stored = read.get(&record.id)?;
    Some(match outcome.next {
        NextRun::At(time) => {
            Change::write(nodes, stored, Some(time), record.payload.as_text().unwrap_or_default())
        }
        NextRun::Finished => Change::remove(nodes, stored),
    })
}

/// Returns the name of an entry in the journal.
pub(crate) fn journal_name(owner: OwnerId, batch: BatchId, part: &str) -> String {
    format!("{owner} {batch} {part}")
}

/// Returns the operations that record these claims: the entry in the journal, and the rows of open runs.
fn record(nodes: &Nodes, due: &ClaimRequest, token: &str, claims: &[Claim]) -> Vec<Operation> {
    let claims = claims.iter().map(|claim| (&claim.record, &claim.outcome));
    let Some(journal) = due.journal(claims) else { return Vec::new() };
    let Journal { batch, open, .. } = &journal;
    let part = token.rsplit_once('.').map_or(token, |(_, number)| number);
    let path = nodes.journal(&journal_name(batch.owner, batch.id, part));
    let entry = Operation::create(path, journal_text(&journal));
    let rows = open.iter().flat_map(|run| open_rows::add(nodes, run));
    std::iter::once(entry).chain(rows).collect()
}

/// Writes the parts. Those claims stay in them that were won.
async fn write(
    access: &Access,
    (session, nodes): (&Session, &Nodes),
    due: &ClaimRequest,
    parts: &mut [Part],
    read: &mut Read,
) -> Attempt<()> {
    let mut last = ClientError::BadVersion;
    for _ in 0..MAX_TRIES {
        let left: Vec<&mut Part> =
            parts.iter_mut().filter(|part| !part.is_written && !part.claims.is_empty()).collect();
        if left.is_empty() {
            // Their answers have arrived.
            for part in parts.iter().filter(|part| part.is_written) {
                session.discard(&nodes.claim(&part.token));
            }
            return Ok(());
        }
        let mut requests = Vec::with_capacity(left.len());
        let mut buckets = Vec::new();
        for (number, part) in left.iter().enumerate() {
            let mut operations = vec![Operation::create(nodes.claim(&part.token), "")];
            for claim in &part.claims {
                let Some(change) = change(nodes, claim, read) else { continue };
                operations.extend(change.operations);
                buckets.extend(change.buckets.into_iter().flatten());
            }
            operations.extend(record(nodes, due, &part.token, &part.claims));
            if number == 0 {
                operations.push(tell(access, nodes));
            }
            requests.push(operations);
        }
        let ready = access.buckets.ensure(session, buckets);
        let sent: Vec<_> = requests.iter().map(|request| commit(session, request)).collect();
        ready.await?;
        let mut refused = Vec::new();
        let mut failed = None;
        for (part, sent) in left.into_iter().zip(sent) {
            match sent.await {
                Ok(Outcome::Committed) => part.is_written = true,
                Ok(Outcome::Refused(0, error)) => return Err(unexpected(error)),
                Ok(Outcome::Refused(_, error)) => refused.push((part, error)),
                Err(failure) => failed = Some(failure),
            }
        }
        if let Some(failure) = failed {
            return Err(failure);
        }
        for (part, error) in refused {
            if !matches!(
                error,
                ClientError::NoNode | ClientError::BadVersion | ClientError::NodeExists
            ) {
                return Err(Failure::Refused(error));
            }
            last = error;
            access.buckets.forget();
            drop_lost((session, nodes), part, read).await?;
        }
    }
    Err(unexpected(last))
}

/// Removes the claims on jobs that others have changed.
async fn drop_lost(
    (session, nodes): (&Session, &Nodes),
    part: &mut Part,
    before: &mut Read,
) -> Attempt<()> {
    let ids = part.claims.iter().map(|claim| {
        let id = &claim.record.id;
        (Arc::clone(id), before.get(id).map(Stored::entry))
    });
    let now = read(session, nodes, ids).await?;
    let mut is_ours = Vec::with_capacity(now.len());
    for (claim, now) in part.claims.iter().zip(now) {
        let before = before.get(&claim.record.id).zip(now);
        is_ours.push(before.is_some_and(|(before, now)| {
            (now.version, now.record.revision) == (before.version, before.record.revision)
        }));
    }
    let mut is_ours = is_ours.into_iter();
    part.claims.retain(|_| is_ours.next().unwrap_or(false));
    let ours = part.claims.iter().filter_map(|claim| before.get(&claim.record.id));
    let paths: Vec<_> = ours.map(|stored| stored.entry().path(nodes)).collect();
    let stats: Vec<_> = paths.iter().map(|path| session.stat(path)).collect();
    for (claim, stat) in part.claims.iter().zip(stats) {
        let has_entry = stat.await?.is_some();
        if let Some(stored) = before.get_mut(&claim.record.id) {
            stored.has_entry = has_entry;
        }
    }
    Ok(())
}

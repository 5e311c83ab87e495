//! Adds jobs: all of them or none.

use std::time::{Duration, Instant};

use apscheduler_core::store::NewRecord;
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::refuse_duplicate_ids;
use mongodb::bson::{Document, doc};
use mongodb::error::TRANSIENT_TRANSACTION_ERROR;

use crate::commands::{self, Failure, MOST_STATEMENTS, Order, Outcome};
use crate::connection::Connection;
use crate::document::{first_revision, next_revision_in_server, run_time};
use crate::failure::DUPLICATE_KEY;
use crate::removing;

/// The pause before a transaction is retried: the first, and the longest.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(500)];

/// Adds records; `mark` is the mark of this write.
pub(crate) fn add(connection: &Connection, mark: &str, records: &[NewRecord]) -> Result<()> {
    refuse_duplicate_ids(records)?;
    match records.len() {
        0 => Ok(()),
        // One statement is atomic.
        1 => write(connection, mark, records),
        _ if connection.is_replicated => transaction(connection, mark, records),
        _ => in_steps(connection, mark, records),
    }
}

fn statement(record: &NewRecord, mark: &str) -> Result<Document> {
    let state = record.text()?;
    let next_run_time = run_time(record.next_run_time);
    Ok(if record.replace {
        let set = doc! {"$set": {
            "next_run_time": next_run_time,
            "revision": next_revision_in_server(),
            "writer": mark,
            "job_state": {"$literal": state},
        }};
        doc! {"q": {"_id": &*record.id}, "u": [set, {"$unset": "finished"}], "upsert": true}
    } else {
        // Replaces a finished job that was not removed yet; any other job with the `_id` is a conflict. The marks of its
        // claims stay, because one of them may be in doubt.
        let set = doc! {"$set": {
            "next_run_time": next_run_time,
            "revision": first_revision(),
            "writer": mark,
            "job_state": {"$literal": state},
        }};
        let free = doc! {"_id": &*record.id, "finished": {"$exists": true}};
        doc! {"q": free, "u": [set, {"$unset": "finished"}], "upsert": true}
    })
}

fn command(connection: &Connection, mark: &str, records: &[NewRecord]) -> Result<Document> {
    let statements: Result<_> = records.iter().map(|record| statement(record, mark)).collect();
    Ok(commands::update(&connection.jobs, statements?, Order::Kept))
}

/// Splits off as many records as fit into one command.
fn split(records: &[NewRecord]) -> (&[NewRecord], &[NewRecord]) {
    commands::split(records, |record| {
        record.id.len() + record.payload.as_text().map_or(0, str::len)
    })
}

/// Whether a statement lost a race: another process inserted the job that this one is to replace.
fn is_race(failure: &Failure, records: &[NewRecord]) -> bool {
    failure.code == DUPLICATE_KEY && records.get(failure.index).is_some_and(|record| record.replace)
}

fn explain(connection: &Connection, failure: &Failure, records: &[NewRecord]) -> Error {
    match records.get(failure.index) {
        Some(record) if failure.code == DUPLICATE_KEY => Error::conflicting_id(&*record.id),
        _ => failure.explain(&connection.address),
    }
}

/// Writes until a statement fails.
fn write(connection: &Connection, mark: &str, records: &[NewRecord]) -> Result<()> {
    let mut rest = records;
    while !rest.is_empty() {
        let (chunk, others) = split(rest);
        match commands::run(connection, command(connection, mark, chunk)?)?.failures.first() {
            None => rest = others,
            Some(failure) if is_race(failure, chunk) => rest = &rest[failure.index..],
            Some(failure) => return Err(explain(connection, failure, chunk)),
        }
    }
    Ok(())
}

/// Writes without a transaction: new jobs first, since only they can conflict and only they can be undone.
fn in_steps(connection: &Connection, mark: &str, records: &[NewRecord]) -> Result<()> {
    let (old, new): (Vec<_>, Vec<_>) = records.iter().cloned().partition(|record| record.replace);
    if let Err(error) = write(connection, mark, &new) {
        for chunk in new.chunks(MOST_STATEMENTS) {
            let ids: Vec<&str> = chunk.iter().map(|record| &*record.id).collect();
            // With the mark, so that nothing is removed that others have added or changed.
            removing::remove_all(connection, mark, doc! {"_id": {"$in": ids}, "writer": mark})?;
        }
        return Err(error);
    }
    write(connection, mark, &old)
}

/// The result of a transaction.
enum Ended {
    Committed,
    /// The command with this number was refused with this answer.
    Refused(usize, Document),
}

/// Retries until no other transaction conflicts, or the time for a call has passed.
fn transaction(connection: &Connection, mark: &str, records: &[NewRecord]) -> Result<()> {
    let begin = Instant::now();
    let [mut pause, longest] = RETRY_DELAYS;
    loop {
        let (mut chunks, mut commands, mut rest) = (Vec::new(), Vec::new(), records);
        while !rest.is_empty() {
            let (chunk, others) = split(rest);
            chunks.push(chunk);
            commands.push(command(connection, mark, chunk)?);
            rest = others;
        }
        let (client, database) = (connection.client.clone(), connection.database.clone());
        let written = connection.try_run(async move {
            let mut session = client.start_session().await?;
            session.start_transaction().await?;
            for (number, command) in commands.into_iter().enumerate() {
                let answer = database.run_command(command).session(&mut session).await?;
                if answer.contains_key("writeErrors") {
                    session.abort_transaction().await?;
                    return Ok(Ended::Refused(number, answer));
                }
            }
            session.commit_transaction().await?;
            Ok(Ended::Committed)
        })?;
        let conflict = match written {
            Ok(Ended::Committed) => return Ok(()),
            Ok(Ended::Refused(number, answer)) => {
                let Outcome { failures, .. } = commands::read(&answer, &connection.address)?;
                let records = chunks[number];
                match failures.first() {
                    Some(failure) if is_race(failure, records) => {
                        failure.explain(&connection.address)
                    }
                    Some(failure) => return Err(explain(connection, failure, records)),
                    None => {
                        return Err(connection.address.unexpected("no error where there was one"));
                    }
                }
            }
            Err(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => {
                connection.address.explain(&error)
            }
            Err(error) => return Err(connection.address.explain(&error)),
        };
        if begin.elapsed() >= connection.timeout {
            return Err(conflict);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(longest);
    }
}

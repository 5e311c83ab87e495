//! The data that all connections share, and the queries on it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apscheduler_core::time::{Clock as _, SystemClock};
use serde_json::Value as Json;

use super::datum::{Datum, Fields};
use super::evaluator::Evaluator;
use super::failure::{Failure, Outcome};
use super::journal::{Definition, Journal};
use super::objects::on_object;
use super::queue::ChangeQueue;
use super::storage::{Index, Storage, Table};
use super::term::{Op, Term};
use super::users::{ADMIN, SYSTEM, Users};
use super::value::{FeedPlan, FeedStep, Value};
use super::{admin, dispatch, writing};

/// The options of a query.
const OPTIONS: [&str; 16] = [
    "db",
    "read_mode",
    "use_outdated",
    "durability",
    "profile",
    "noreply",
    "array_limit",
    "changefeed_queue_size",
    "time_format",
    "group_format",
    "binary_format",
    "min_batch_rows",
    "max_batch_rows",
    "max_batch_bytes",
    "max_batch_seconds",
    "first_batch_scaledown_factor",
];

/// What all connections share.
pub(super) struct Shared {
    data: Mutex<Data>,
    last_nonce: AtomicU64,
}

struct Data {
    storage: Storage,
    journal: Journal,
    users: Users,
}

/// The answer to a query.
pub(super) enum Answer {
    Datum(Datum),
    Stream(Vec<Datum>),
    Feed(FeedPlan, Arc<ChangeQueue>),
}

impl Shared {
    /// Data in memory, or in a file.
    pub(super) fn new(password: &str, file: Option<&Path>) -> std::io::Result<Self> {
        let mut storage = Storage::default();
        storage.databases.insert("test".to_owned(), [].into());
        let system = [("users".to_owned(), Table::default())];
        storage.databases.insert(SYSTEM.to_owned(), system.into());
        let mut data = Data { storage, journal: Journal::default(), users: Users::new(password) };
        if let Some(file) = file {
            let (journal, definitions) = Journal::open(file)?;
            for definition in definitions {
                data.replay(definition).map_err(|failure| std::io::Error::other(failure.text()))?;
            }
            data.journal = journal;
        }
        Ok(Self { data: Mutex::new(data), last_nonce: AtomicU64::new(0) })
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn password(&self, user: &str) -> Option<String> {
        self.data().users.password(user).map(str::to_owned)
    }

    /// Returns the server's part of the nonce of a login.
    pub(super) fn nonce(&self) -> String {
        format!("peer{}", self.last_nonce.fetch_add(1, Ordering::Relaxed))
    }

    /// Carries out a query.
    pub(super) fn run(&self, user: &str, term: &Json, options: &Json) -> Outcome<Answer> {
        let term = Term::read(term)?;
        let mut database = None;
        for (name, value) in options.as_object().into_iter().flatten() {
            if !OPTIONS.contains(&name.as_str()) {
                let text = format!("Unrecognized global optional argument `{name}`.");
                return Err(Failure::compile(text));
            }
            if name == "db" {
                database = value[1][0].as_str().map(str::to_owned);
            }
        }
        let mut data = self.data();
        let mut evaluator = data.evaluator(user);
        evaluator.database = database;
        match evaluator.evaluate(&term)? {
            Value::Datum(datum) | Value::Single(_, _, datum) => Ok(Answer::Datum(datum)),
            Value::Feed(plan) => {
                let changes = Arc::<ChangeQueue>::default();
                evaluator.storage.table(&plan.table)?.watch(&changes);
                Ok(Answer::Feed(plan, changes))
            }
            other @ (Value::Slice(_) | Value::Selection(..) | Value::Stream(_)) => {
                evaluator.rows(other).map(Answer::Stream)
            }
            other => Err(Failure::logic(format!(
                "Query result must be of type DATUM, GROUPED_DATA, or STREAM (got {}).",
                other.type_name()
            ))),
        }
    }

    /// Returns what a feed sends for these changes.
    pub(super) fn feed(
        &self,
        user: &str,
        plan: &FeedPlan,
        changes: Vec<(Datum, Datum)>,
        skipped: usize,
    ) -> Outcome<Vec<Datum>> {
        let object = |fields: [(&str, Datum); 2]| {
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
            Datum::from(fields.collect::<Fields>())
        };
        let mut sent: Vec<Datum> = changes
            .into_iter()
            .map(|(old, new)| object([("old_val", old), ("new_val", new)]))
            .collect();
        if skipped > 0 {
            let text =
                format!("Changefeed cache over array size limit, skipped {skipped} elements.");
            sent.insert(0, Datum::from(Fields::from([("error".to_owned(), text.into())])));
        }
        let mut data = self.data();
        let mut evaluator = data.evaluator(user);
        for step in &plan.steps {
            sent = match step {
                FeedStep::Filter(function) => {
                    super::sequences::keep(&mut evaluator, function, sent)?
                }
                FeedStep::Map(function) => {
                    let mapped = sent.into_iter().map(|change| evaluator.apply(function, change));
                    mapped.collect::<Outcome<_>>()?
                }
                FeedStep::Pluck(names) => {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    let plucked = sent.iter().map(|change| on_object(Op::Pluck, change, &names));
                    plucked.collect::<Outcome<_>>()?
                }
            };
        }
        Ok(sent)
    }
}

impl Data {
    fn evaluator<'a>(&'a mut self, user: &'a str) -> Evaluator<'a> {
        #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^53 milliseconds")]
        let now = SystemClock.now().timestamp_millis() as f64 / 1000.0;
        Evaluator {
            storage: &mut self.storage,
            journal: &mut self.journal,
            users: &mut self.users,
            user,
            now,
            database: None,
            variables: Vec::new(),
            carry_out: dispatch::carry_out,
        }
    }

    /// Repeats a change.
    fn replay(&mut self, definition: Definition) -> Outcome<()> {
        match definition {
            Definition::Database { name } => {
                self.storage.databases.insert(name, [].into());
            }
            Definition::DropDatabase { name } => {
                self.storage.databases.remove(&name);
            }
            Definition::Table { name } => {
                self.storage.database(&name.0)?.insert(name.1, Table::default());
            }
            Definition::DropTable { name } => {
                self.storage.database(&name.0)?.remove(&name.1);
            }
            Definition::Index { table, name, is_multi, function } => {
                let index = Index::new(Term::read(&function)?, is_multi);
                admin::add_index(&mut self.evaluator(ADMIN), &table, name, index)?;
            }
            Definition::DropIndex { table, name } => {
                self.storage.table(&table)?.indexes.remove(&name);
            }
            Definition::Document { table, key, document } => {
                let (key, document) = (Datum::read(&key)?, Datum::read(&document)?);
                let mut evaluator = self.evaluator(ADMIN);
                let values = writing::index_values(&mut evaluator, &table, &document)?;
                evaluator.storage.table(&table)?.write(&key, &document, values);
                self.users.document_written(&table, &key, &document);
            }
        }
        Ok(())
    }
}

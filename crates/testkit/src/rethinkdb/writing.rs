//! Terms that write documents. Each document is written by itself, in one step.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::datum::{Datum, Fields, MOST_ELEMENTS};
use super::evaluator::Evaluator;
use super::failure::{Failure, Outcome};
use super::selecting;
use super::storage::TableName;
use super::term::{Call, Op, Term};
use super::users::Right;
use super::value::{Function, Value};

/// The result of a write.
struct Stats {
    counts: BTreeMap<&'static str, u32>,
    first_error: Option<String>,
    generated: Vec<Datum>,
    /// Old and new documents, and an error. `None` if they are not wanted.
    changes: Option<Vec<Datum>>,
    /// Whether documents that were not changed are among them.
    with_unchanged: bool,
    truncated: bool,
}

impl Stats {
    fn new(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Self> {
        evaluator.choice(call, "durability", &["hard", "soft"])?;
        let (wanted, with_unchanged) = match evaluator.option(call, "return_changes")? {
            None => (false, false),
            Some(Datum::Text(text)) if *text == *"always" => (true, true),
            Some(Datum::Bool(wanted)) => (wanted, false),
            Some(other) => {
                return Err(Failure::logic(format!(
                    "Invalid return_changes value `{}` (options are `true`, `false`, and `'always'`.)",
                    other.json()
                )));
            }
        };
        let names = ["inserted", "deleted", "skipped", "replaced", "unchanged", "errors"];
        Ok(Self {
            counts: names.into_iter().map(|name| (name, 0)).collect(),
            first_error: None,
            generated: Vec::new(),
            changes: wanted.then(Vec::new),
            with_unchanged,
            truncated: false,
        })
    }

    fn change(&mut self, old: &Datum, new: &Datum, error: Option<&str>) {
        let is_same = old == new;
        let Some(changes) = &mut self.changes else { return };
        if (is_same || error.is_some()) && !self.with_unchanged {
            return;
        }
        if changes.len() >= MOST_ELEMENTS {
            self.truncated = true;
            return;
        }
        let mut change = Fields::new();
        change.insert("old_val".to_owned(), old.clone());
        change.insert("new_val".to_owned(), new.clone());
        if let Some(error) = error {
            change.insert("error".to_owned(), error.into());
        }
        changes.push(change.into());
    }

    fn count(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }

    fn written(&mut self, old: &Datum, new: &Datum) {
        self.count(match (old, new) {
            (Datum::Null, Datum::Null) => "skipped",
            (Datum::Null, _) => "inserted",
            (_, Datum::Null) => "deleted",
            (old, new) if old == new => "unchanged",
            _ => "replaced",
        });
        self.change(old, new, None);
    }

    fn failed(&mut self, old: &Datum, failure: &Failure) {
        self.count("errors");
        let text = failure.text();
        self.change(old, old, Some(&text));
        self.first_error.get_or_insert(text);
    }

    fn datum(self) -> Datum {
        let counts = self.counts.into_iter();
        let mut fields: Fields =
            counts.map(|(name, count)| (name.to_owned(), Datum::Number(count.into()))).collect();
        if let Some(error) = self.first_error {
            fields.insert("first_error".to_owned(), error.into());
        }
        if !self.generated.is_empty() {
            fields.insert("generated_keys".to_owned(), self.generated.into());
        }
        if let Some(changes) = self.changes {
            fields.insert("changes".to_owned(), changes.into());
        }
        if self.truncated {
            let text = format!("Too many changes, array truncated to {MOST_ELEMENTS}.");
            fields.insert("warnings".to_owned(), vec![Datum::from(text)].into());
        }
        fields.into()
    }
}

pub(super) fn evaluate(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Value> {
    let stats = Stats::new(evaluator, call)?;
    let stats = match call.op {
        Op::Insert => insert(evaluator, call, stats)?,
        Op::Replace => {
            let function = function(evaluator, call)?;
            replace(evaluator, &call.arguments[0], stats, |evaluator, old| {
                evaluator.apply(&function, old.clone())
            })?
        }
        _ => replace(evaluator, &call.arguments[0], stats, |_, _| Ok(Datum::Null))?,
    };
    Ok(Value::Datum(stats.datum()))
}

/// Returns the function of a `replace`.
fn function(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Function> {
    if evaluator.option(call, "non_atomic")?.is_some_and(|value| value.is_true()) {
        return Err(Failure::missing("non_atomic"));
    }
    if !call.arguments[1].is_deterministic() {
        return Err(Failure::logic(
            "Could not prove argument deterministic.  Maybe you want to use the non_atomic flag?",
        ));
    }
    match evaluator.evaluate(&call.arguments[1])? {
        Value::Function(function) => Ok(function),
        Value::Datum(constant) => {
            Ok(Function { parameters: vec![0], body: Term::Datum(constant), variables: Vec::new() })
        }
        other => Err(Failure::expected("FUNCTION", other.type_name())),
    }
}

/// Replaces documents by what a function makes of them.
fn replace(
    evaluator: &mut Evaluator<'_>,
    selection: &Term,
    mut stats: Stats,
    mut make: impl FnMut(&mut Evaluator<'_>, &Datum) -> Outcome<Datum>,
) -> Outcome<Stats> {
    let (table, keys) = match evaluator.evaluate(selection)? {
        Value::Single(table, key, _) => (table, vec![key]),
        Value::Selection(table, rows) => (table, keys(&rows)),
        Value::Slice(slice) => {
            let table = slice.table.clone();
            (table, keys(&evaluator.rows(Value::Slice(slice))?))
        }
        other => {
            let (kind, shown) = match &other {
                Value::Datum(datum) => ("DATUM", datum.print()),
                other => (other.type_name(), other.type_name().to_owned()),
            };
            return Err(Failure::logic(format!(
                "Expected type SELECTION but found {kind}:\n{shown}"
            )));
        }
    };
    evaluator.require(Right::Write, &table.0)?;
    for key in keys {
        // As it is now: an earlier one of these writes may have changed or removed it.
        let old = evaluator.storage.table(&table)?.get(&key);
        match make(evaluator, &old)
            .and_then(|new| write(evaluator, &table, &key, &new).map(|()| new))
        {
            Ok(new) => stats.written(&old, &new),
            Err(failure) => stats.failed(&old, &failure),
        }
    }
    Ok(stats)
}

fn keys(rows: &[Datum]) -> Vec<Datum> {
    rows.iter().filter_map(|row| row.fields().ok()?.get("id").cloned()).collect()
}

/// Writes a document, or removes it with null.
fn write(
    evaluator: &mut Evaluator<'_>,
    table: &TableName,
    key: &Datum,
    new: &Datum,
) -> Outcome<()> {
    match new {
        Datum::Null => {}
        Datum::Object(fields) => match fields.get("id") {
            None => {
                let text = format!("Inserted object must have primary key `id`:\n{}", new.print());
                return Err(Failure::logic(text));
            }
            Some(found) if found != key => {
                return Err(Failure::logic(format!(
                    "Primary key `id` cannot be changed (`{}` -> `{}`).",
                    key.print(),
                    new.print()
                )));
            }
            Some(_) => {}
        },
        other => {
            return Err(Failure::logic(format!(
                "Inserted value must be an OBJECT (got {}):\n{}",
                other.type_name(),
                other.print()
            )));
        }
    }
    if evaluator.storage.table(table)?.get(key) == *new {
        return Ok(());
    }
    let values = index_values(evaluator, table, new)?;
    evaluator.journal.document(table, key, new);
    evaluator.storage.table(table)?.write(key, new, values);
    evaluator.users.document_written(table, key, new);
    Ok(())
}

/// Returns the values of a document in the indexes of its table.
pub(super) fn index_values(
    evaluator: &mut Evaluator<'_>,
    table: &TableName,
    document: &Datum,
) -> Outcome<Vec<(String, Vec<Datum>)>> {
    let indexes = evaluator.storage.table(table)?.indexes.iter();
    let indexes: Vec<(String, Term, bool)> = indexes
        .map(|(name, index)| (name.clone(), index.function.clone(), index.is_multi))
        .collect();
    let mut values = Vec::with_capacity(indexes.len());
    for (name, function, is_multi) in indexes {
        let mut found = Vec::new();
        if *document != Datum::Null {
            let function = evaluator.evaluate(&function)?.function()?;
            // A document whose function fails is left out.
            if let Ok(value) = evaluator.apply(&function, document.clone()) {
                match value {
                    Datum::Array(items) if is_multi => found.extend(items.iter().cloned()),
                    value => found.push(value),
                }
            }
            found.retain(Datum::is_indexed);
        }
        values.push((name, found));
    }
    Ok(values)
}

/// What becomes of a document whose key is taken.
enum Conflict {
    Error,
    Replace,
    Update,
    Function(Function),
}

fn conflict(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Conflict> {
    let Some(term) = call.options.get("conflict") else { return Ok(Conflict::Error) };
    match evaluator.evaluate(term)? {
        Value::Function(function) if function.parameters.len() != 3 => Err(Failure::logic(
            "The conflict function passed to `insert` should expect 3 arguments.",
        )),
        Value::Function(_) if !term.is_deterministic() => {
            Err(Failure::logic("The conflict function passed to `insert` must be deterministic."))
        }
        Value::Function(function) => Ok(Conflict::Function(function)),
        other => match other.datum()?.text()? {
            "error" => Ok(Conflict::Error),
            "replace" => Ok(Conflict::Replace),
            "update" => Ok(Conflict::Update),
            other => Err(Failure::logic(format!(
                "Conflict option `{other}` unrecognized (options are \"error\", \"replace\" and \"update\")."
            ))),
        },
    }
}

fn insert(evaluator: &mut Evaluator<'_>, call: &Call, mut stats: Stats) -> Outcome<Stats> {
    let table = selecting::whole(evaluator, &call.arguments[0])?.table;
    let conflict = conflict(evaluator, call)?;
    let documents = match evaluator.datum(&call.arguments[1])? {
        Datum::Array(documents) => Arc::unwrap_or_clone(documents),
        document => vec![document],
    };
    evaluator.require(Right::Write, &table.0)?;
    for mut document in documents {
        let key = match &mut document {
            Datum::Object(fields) => {
                Arc::make_mut(fields).entry("id".to_owned()).or_insert_with(|| {
                    let key = Datum::from(evaluator.users.generate_key());
                    stats.generated.push(key.clone());
                    key
                })
            }
            _ => &mut Datum::Null,
        };
        let key = key.clone();
        let made = match &document {
            Datum::Object(_) => key.check_key(),
            other => Err(Failure::logic(format!(
                "Inserted value must be an OBJECT (got {}):\n{}",
                other.type_name(),
                other.print()
            ))),
        };
        if let Err(failure) = made {
            stats.failed(&Datum::Null, &failure);
            continue;
        }
        let old = evaluator.storage.table(&table)?.get(&key);
        let new = match (&old, &conflict) {
            (Datum::Null, _) | (_, Conflict::Replace) => Ok(document),
            (_, Conflict::Update) => Err(Failure::missing("the conflict option `update`")),
            (_, Conflict::Error) => Err(Failure::logic(format!(
                "Duplicate primary key `id`:\n{}\n{}",
                old.print(),
                document.print()
            ))),
            (_, Conflict::Function(function)) => {
                let arguments = vec![key.clone(), old.clone(), document];
                evaluator.call(function, arguments).and_then(Value::datum)
            }
        };
        match new.and_then(|new| write(evaluator, &table, &key, &new).map(|()| new)) {
            Ok(new) => stats.written(&old, &new),
            Err(failure) => stats.failed(&old, &failure),
        }
    }
    Ok(stats)
}

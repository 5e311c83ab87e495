//! Terms on databases, tables, indexes and permissions.

use std::collections::BTreeMap;

use super::datum::{Datum, Fields};
use super::evaluator::Evaluator;
use super::failure::{Failure, Outcome};
use super::journal::Definition;
use super::selecting;
use super::storage::{Index, Table, TableName};
use super::term::{Call, Op, Term};
use super::users::{Right, SYSTEM};
use super::value::Value;
use super::writing::index_values;

pub(super) fn evaluate(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Value> {
    let result = match call.op {
        Op::DbList => texts(evaluator.storage.databases.keys()),
        Op::DbCreate | Op::DbDrop => database(evaluator, call)?,
        Op::TableList => {
            let database = database_of(evaluator, call.arguments.first())?;
            texts(evaluator.storage.database(&database)?.keys())
        }
        Op::TableCreate | Op::TableDrop => table(evaluator, call)?,
        Op::Wait => {
            evaluator.choice(
                call,
                "wait_for",
                &[
                    "ready_for_outdated_reads",
                    "ready_for_reads",
                    "ready_for_writes",
                    "all_replicas_ready",
                ],
            )?;
            let mut ready = 0.0;
            for term in &call.arguments {
                selecting::whole(evaluator, term)?;
                ready += 1.0;
            }
            object([("ready", Datum::Number(ready))])
        }
        Op::Grant => grant(evaluator, call)?,
        _ => index(evaluator, call)?,
    };
    Ok(Value::Datum(result))
}

fn texts<'a>(names: impl Iterator<Item = &'a String>) -> Datum {
    names.map(|name| name.as_str().into()).collect::<Vec<Datum>>().into()
}

fn object<const N: usize>(fields: [(&str, Datum); N]) -> Datum {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    fields.collect::<Fields>().into()
}

/// Returns the name that a term is.
fn name(evaluator: &mut Evaluator<'_>, term: &Term, what: &str) -> Outcome<String> {
    let name = evaluator.datum(term)?.text()?.to_owned();
    let is_valid = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    if name.is_empty() || !name.chars().all(is_valid) {
        return Err(Failure::logic(format!(
            "{what} name `{name}` invalid (Use A-Z, a-z, 0-9, _ and - only)."
        )));
    }
    Ok(name)
}

fn database_of(evaluator: &mut Evaluator<'_>, term: Option<&Term>) -> Outcome<String> {
    match term.map(|term| evaluator.evaluate(term)).transpose()? {
        Some(Value::Database(name)) => Ok(name),
        Some(other) => Err(Failure::expected("DB", other.type_name())),
        None => Ok(evaluator.database.clone().unwrap_or_else(|| "test".to_owned())),
    }
}

fn database(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Datum> {
    let name = name(evaluator, &call.arguments[0], "Database")?;
    evaluator.require(Right::Config, &name)?;
    let one = Datum::Number(1.0);
    if call.op == Op::DbCreate {
        if evaluator.storage.databases.contains_key(&name) {
            return Err(Failure::failed(format!("Database `{name}` already exists.")));
        }
        evaluator.journal.define(&Definition::Database { name: name.clone() });
        evaluator.storage.databases.insert(name, BTreeMap::new());
        return Ok(object([("dbs_created", one)]));
    }
    evaluator.storage.database(&name)?.values().for_each(Table::close);
    evaluator.journal.define(&Definition::DropDatabase { name: name.clone() });
    evaluator.storage.databases.remove(&name);
    Ok(object([("dbs_dropped", one)]))
}

fn table(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Datum> {
    let (database, table) = match &call.arguments[..] {
        [database, table] => (Some(database), table),
        [table, ..] => (None, table),
        [] => return Err(Failure::compile("Expected between 1 and 2 arguments but found 0.")),
    };
    let database = database_of(evaluator, database)?;
    let table = name(evaluator, table, "Table")?;
    if let Some(key) = evaluator.option(call, "primary_key")?
        && key != "id".into()
    {
        return Err(Failure::missing("another primary key than `id`"));
    }
    evaluator.require(Right::Config, &database)?;
    let one = Datum::Number(1.0);
    let tables = evaluator.storage.database(&database)?;
    let name: TableName = (database.clone(), table.clone());
    if call.op == Op::TableCreate {
        if tables.contains_key(&table) {
            return Err(Failure::failed(format!("Table `{database}.{table}` already exists.")));
        }
        tables.insert(table, Table::default());
        evaluator.journal.define(&Definition::Table { name });
        return Ok(object([("tables_created", one)]));
    }
    let dropped = tables.remove(&table);
    let missing = || Failure::failed(format!("Table `{database}.{table}` does not exist."));
    dropped.ok_or_else(missing)?.close();
    evaluator.journal.define(&Definition::DropTable { name });
    Ok(object([("tables_dropped", one)]))
}

fn index(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Datum> {
    let table = selecting::whole(evaluator, &call.arguments[0])?.table;
    let (database, table_name) = (&table.0, &table.1);
    match call.op {
        Op::IndexList => {
            return Ok(texts(evaluator.storage.table(&table)?.indexes.keys()));
        }
        Op::IndexWait => {
            let mut ready = Vec::new();
            for term in &call.arguments[1..] {
                let name = evaluator.datum(term)?;
                evaluator.storage.table(&table)?.check_index(Some(name.text()?))?;
                ready.push(object([("index", name), ("ready", Datum::Bool(true))]));
            }
            return Ok(ready.into());
        }
        _ => {}
    }
    evaluator.require(Right::Config, database)?;
    let name = evaluator.datum(&call.arguments[1])?.text()?.to_owned();
    let known = evaluator.storage.table(&table)?.indexes.contains_key(&name);
    if call.op == Op::IndexDrop {
        evaluator.storage.table(&table)?.check_index(Some(&name))?;
        evaluator
            .journal
            .define(&Definition::DropIndex { table: table.clone(), name: name.clone() });
        evaluator.storage.table(&table)?.indexes.remove(&name);
        return Ok(object([("dropped", Datum::Number(1.0))]));
    }
    if known || name == "id" {
        return Err(Failure::failed(format!(
            "Index `{name}` already exists on table `{database}.{table_name}`."
        )));
    }
    let Some(function) = call.arguments.get(2) else {
        return Err(Failure::missing("index_create without a function"));
    };
    if !function.is_deterministic() {
        return Err(Failure::logic(
            "Could not prove function deterministic.  Index functions must be deterministic.",
        ));
    }
    evaluator.evaluate(function)?.function()?;
    let is_multi = evaluator.option(call, "multi")?.is_some_and(|value| value.is_true());
    let definition = (table.clone(), name.clone(), function.json());
    evaluator.journal.define(&Definition::Index {
        table: definition.0,
        name: definition.1,
        is_multi,
        function: definition.2,
    });
    add_index(evaluator, &table, name, Index::new(function.clone(), is_multi))?;
    Ok(object([("created", Datum::Number(1.0))]))
}

/// Adds an index, with the documents that exist.
pub(super) fn add_index(
    evaluator: &mut Evaluator<'_>,
    table: &TableName,
    name: String,
    index: Index,
) -> Outcome<()> {
    let stored = evaluator.storage.table(table)?;
    stored.indexes.insert(name, index);
    let rows: Vec<(Datum, Datum)> =
        stored.rows().map(|(key, row)| (key.clone(), row.clone())).collect();
    for (key, row) in rows {
        let values = index_values(evaluator, table, &row)?;
        evaluator.storage.table(table)?.set_values(&key, values);
    }
    Ok(())
}

fn grant(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Datum> {
    let (scope, user, rights) = match &call.arguments[..] {
        [scope, user, rights] => (Some(scope), user, rights),
        [user, rights] => (None, user, rights),
        _ => return Err(Failure::compile("Expected between 2 and 3 arguments.")),
    };
    let scope = scope.map(|scope| database_of(evaluator, Some(scope))).transpose()?;
    evaluator.require(Right::Config, SYSTEM)?;
    let (user, rights) = (evaluator.datum(user)?, evaluator.datum(rights)?);
    evaluator.users.grant(user.text()?, scope, rights.fields()?)?;
    Ok(object([("granted", Datum::Number(1.0))]))
}

//! Terms that name tables, and parts of them.

use std::ops::Bound;

use super::datum::Datum;
use super::evaluator::Evaluator;
use super::failure::{Failure, Outcome};
use super::storage::{Direction, Slice, scramble};
use super::term::{Call, Op, Term};
use super::users::Right;
use super::value::{FeedPlan, Value};

pub(super) fn evaluate(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Value> {
    match call.op {
        Op::Db => {
            let name = evaluator.datum(&call.arguments[0])?;
            Ok(Value::Database(name.text()?.to_owned()))
        }
        Op::Table => table(evaluator, call),
        Op::Get => get(evaluator, call),
        Op::GetAll => get_all(evaluator, call),
        Op::Between => between(evaluator, call),
        Op::OrderBy => order_by(evaluator, call),
        Op::Changes => {
            let slice = slice(evaluator, &call.arguments[0])?;
            if !slice.is_whole() {
                return Err(Failure::missing("changes of a part of a table"));
            }
            evaluator.require(Right::Read, &slice.table.0)?;
            evaluator.storage.table(&slice.table)?;
            Ok(Value::Feed(FeedPlan { table: slice.table, steps: Vec::new() }))
        }
        _ => Err(Failure::logic("ASC and DESC may only be used as arguments to ORDER_BY.")),
    }
}

fn table(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Value> {
    evaluator.choice(call, "read_mode", &["single", "majority", "outdated"])?;
    let name = evaluator.datum(call.arguments.last().unwrap_or(&Term::Datum(Datum::Null)))?;
    let database = match &call.arguments[..] {
        [database, _] => evaluator.evaluate(database)?,
        _ => Value::Database(evaluator.database.clone().unwrap_or_else(|| "test".to_owned())),
    };
    let Value::Database(database) = database else {
        return Err(Failure::expected("DB", database.type_name()));
    };
    let name = (database, name.text()?.to_owned());
    evaluator.storage.table(&name)?;
    Ok(Value::Slice(Slice::of(name)))
}

/// Returns the table, or the part of one, that a term names.
pub(super) fn slice(evaluator: &mut Evaluator<'_>, term: &Term) -> Outcome<Slice> {
    match evaluator.evaluate(term)? {
        Value::Slice(slice) => Ok(slice),
        other => Err(Failure::expected("TABLE_SLICE", other.type_name())),
    }
}

/// Returns the whole table that a term names.
pub(super) fn whole(evaluator: &mut Evaluator<'_>, term: &Term) -> Outcome<Slice> {
    let slice = slice(evaluator, term)?;
    if slice.is_whole() { Ok(slice) } else { Err(Failure::expected("TABLE", "TABLE_SLICE")) }
}

fn get(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Value> {
    let table = whole(evaluator, &call.arguments[0])?.table;
    let key = evaluator.datum(&call.arguments[1])?;
    key.check_key()?;
    evaluator.require(Right::Read, &table.0)?;
    let row = evaluator.storage.table(&table)?.get(&key);
    Ok(Value::Single(table, key, row))
}

fn get_all(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Value> {
    let mut slice = whole(evaluator, &call.arguments[0])?;
    slice.index = index_of(evaluator, call)?;
    evaluator.require(Right::Read, &slice.table.0)?;
    let mut rows = Vec::new();
    for key in &call.arguments[1..] {
        let key = evaluator.datum(key)?;
        if key == Datum::Null {
            return Err(Failure::new(super::failure::Kind::NonExistence, "Keys cannot be NULL."));
        }
        if slice.index.is_none() {
            key.check_key()?;
        }
        (slice.from, slice.to) = (Bound::Included(key.clone()), Bound::Included(key));
        rows.extend(evaluator.storage.table(&slice.table)?.rows_of(&slice)?);
    }
    scramble(&mut rows);
    Ok(Value::Selection(slice.table, rows))
}

/// Returns the index of an option; `None` is the primary key.
fn index_of(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Option<String>> {
    let Some(index) = evaluator.option(call, "index")? else { return Ok(None) };
    let name = index.text()?;
    Ok((name != "id").then(|| name.to_owned()))
}

fn between(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Value> {
    let mut slice = whole(evaluator, &call.arguments[0])?;
    slice.index = index_of(evaluator, call)?;
    let bounds = ["closed", "open"];
    let left = evaluator.choice(call, "left_bound", &bounds)?;
    let right = evaluator.choice(call, "right_bound", &bounds)?;
    let from = evaluator.datum(&call.arguments[1])?;
    let to = evaluator.datum(&call.arguments[2])?;
    if from == Datum::Null || to == Datum::Null {
        return Err(Failure::logic(
            "Cannot use `null` in BETWEEN, use `r.minval` or `r.maxval` to denote unboundedness.",
        ));
    }
    slice.from = match left.as_deref() {
        Some("open") => Bound::Excluded(from),
        _ => Bound::Included(from),
    };
    slice.to = match right.as_deref() {
        Some("closed") => Bound::Included(to),
        _ => Bound::Excluded(to),
    };
    // An index that is missing is an error even if nothing is read.
    evaluator.storage.table(&slice.table)?.check_index(slice.index.as_deref())?;
    Ok(Value::Slice(slice))
}

fn order_by(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Value> {
    let Some(index) = call.options.get("index") else {
        return Err(Failure::missing("order_by without an index"));
    };
    if call.arguments.len() > 1 {
        return Err(Failure::missing("order_by with functions"));
    }
    let mut slice = slice(evaluator, &call.arguments[0])?;
    let (direction, name) = match index {
        Term::Call(order) if matches!(order.op, Op::Asc | Op::Desc) => {
            let name = evaluator.datum(&order.arguments[0])?;
            (if order.op == Op::Asc { Direction::Up } else { Direction::Down }, name)
        }
        name => (Direction::Up, evaluator.datum(name)?),
    };
    let name = name.text()?;
    let name = (name != "id").then(|| name.to_owned());
    if slice.order.is_some() || slice.is_limited() {
        return Err(Failure::logic(
            "Indexed order_by can only be performed on a TABLE or TABLE_SLICE.",
        ));
    }
    if !slice.is_whole() && slice.index != name {
        let text = |name: Option<&str>| name.unwrap_or("id").to_owned();
        return Err(Failure::logic(format!(
            "Cannot order by index `{}` after calling BETWEEN on index `{}`.",
            text(name.as_deref()),
            text(slice.index.as_deref()),
        )));
    }
    evaluator.storage.table(&slice.table)?.check_index(name.as_deref())?;
    (slice.index, slice.order) = (name, Some(direction));
    Ok(Value::Slice(slice))
}

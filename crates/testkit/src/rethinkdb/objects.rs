//! Terms on objects, and on sequences of them.

use std::sync::Arc;

use super::datum::{Datum, Fields};
use super::evaluator::Evaluator;
use super::failure::{Failure, Kind, Outcome};
use super::sequences::nth;
use super::term::{Call, Op};
use super::value::{FeedStep, Value};

pub(super) fn evaluate(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Value> {
    let value = evaluator.evaluate(&call.arguments[0])?;
    let rest: Outcome<Vec<Datum>> =
        call.arguments[1..].iter().map(|term| evaluator.datum(term)).collect();
    let rest = rest?;
    if call.op == Op::Merge {
        let object = value.datum()?;
        return rest
            .iter()
            .try_fold(object, |object, other| merge(&object, other))
            .map(Value::Datum);
    }
    if call.op == Op::Bracket {
        return bracket(evaluator, value, &rest[0]);
    }
    let names: Outcome<Vec<&str>> = rest.iter().map(Datum::text).collect();
    let names = names?;
    match value {
        Value::Feed(mut plan) if call.op == Op::Pluck => {
            plan.steps.push(FeedStep::Pluck(names.into_iter().map(str::to_owned).collect()));
            Ok(Value::Feed(plan))
        }
        Value::Single(_, _, datum @ (Datum::Object(_) | Datum::Null))
        | Value::Datum(datum @ (Datum::Object(_) | Datum::Null)) => {
            on_object(call.op, &datum, &names).map(Value::Datum)
        }
        Value::Datum(Datum::Array(items)) => on_rows(call.op, Arc::unwrap_or_clone(items), &names)
            .and_then(Datum::array)
            .map(Value::Datum),
        other @ (Value::Slice(_) | Value::Selection(..) | Value::Stream(_)) => {
            on_rows(call.op, evaluator.rows(other)?, &names).map(Value::Stream)
        }
        other => Err(no_object(name_of(call.op), other.type_name(), None)),
    }
}

fn on_rows(op: Op, rows: Vec<Datum>, names: &[&str]) -> Outcome<Vec<Datum>> {
    if op == Op::HasFields {
        let has = |row: &Datum| on_object(op, row, names).map(|has| has.is_true());
        let mut kept = Vec::new();
        for row in rows {
            if has(&row)? {
                kept.push(row);
            }
        }
        return Ok(kept);
    }
    rows.iter().map(|row| on_object(op, row, names)).collect()
}

/// Carries out a term on one object.
pub(super) fn on_object(op: Op, datum: &Datum, names: &[&str]) -> Outcome<Datum> {
    let Datum::Object(fields) = datum else {
        return Err(no_object(name_of(op), datum.type_name(), Some(datum)));
    };
    let is_named = |name: &String| names.contains(&name.as_str());
    let pick = |keep: bool| {
        let fields = fields.iter().filter(|(name, _)| is_named(name) == keep);
        fields.map(|(name, value)| (name.clone(), value.clone())).collect::<Fields>()
    };
    Ok(match op {
        Op::Pluck => pick(true).into(),
        Op::Without => pick(false).into(),
        _ => Datum::Bool(
            names.iter().all(|name| fields.get(*name).is_some_and(|value| *value != Datum::Null)),
        ),
    })
}

fn name_of(op: Op) -> &'static str {
    match op {
        Op::Pluck => "pluck",
        Op::Without => "without",
        Op::HasFields => "has_fields",
        _ => "bracket",
    }
}

fn no_object(op: &str, found: &str, datum: Option<&Datum>) -> Failure {
    let shown = datum.map_or_else(|| found.to_owned(), Datum::print);
    let kind = if found == "NULL" { Kind::NonExistence } else { Kind::Logic };
    Failure::new(kind, format!("Cannot perform {op} on a non-object non-sequence `{shown}`."))
}

fn bracket(evaluator: &mut Evaluator<'_>, value: Value, key: &Datum) -> Outcome<Value> {
    match value {
        Value::Datum(Datum::Object(fields)) | Value::Single(_, _, Datum::Object(fields)) => {
            field(&fields, key.text()?).map(Value::Datum)
        }
        Value::Datum(Datum::Array(items)) if matches!(key, Datum::Number(_)) => {
            nth(&items, key).map(Value::Datum)
        }
        Value::Datum(Datum::Array(items)) => {
            Datum::array(of_each(&items, key.text()?)?).map(Value::Datum)
        }
        Value::Datum(other) | Value::Single(_, _, other) => {
            Err(no_object("bracket", other.type_name(), Some(&other)))
        }
        other => {
            let rows = evaluator.rows(other)?;
            match key {
                Datum::Number(_) => nth(&rows, key).map(Value::Datum),
                key => of_each(&rows, key.text()?).map(Value::Stream),
            }
        }
    }
}

fn field(fields: &Arc<Fields>, name: &str) -> Outcome<Datum> {
    fields.get(name).cloned().ok_or_else(|| {
        let object = Datum::Object(Arc::clone(fields));
        Failure::no_field(name, move || object.print())
    })
}

/// Returns the field of each object that has it.
fn of_each(rows: &[Datum], name: &str) -> Outcome<Vec<Datum>> {
    let fields: Outcome<Vec<Option<Datum>>> = rows
        .iter()
        .map(|row| match row {
            Datum::Object(fields) => Ok(fields.get(name).cloned()),
            other => Err(no_object("bracket", other.type_name(), Some(other))),
        })
        .collect();
    Ok(fields?.into_iter().flatten().collect())
}

/// Merges objects, and objects in them.
fn merge(left: &Datum, right: &Datum) -> Outcome<Datum> {
    let mut merged = left.fields()?.clone();
    for (name, value) in right.fields()? {
        let value = match (merged.get(name), value) {
            (Some(inner @ Datum::Object(_)), Datum::Object(_)) => merge(inner, value)?,
            _ => value.clone(),
        };
        merged.insert(name.clone(), value);
    }
    Ok(merged.into())
}

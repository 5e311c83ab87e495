//! Terms on sequences.

use std::sync::Arc;

use super::datum::Datum;
use super::evaluator::Evaluator;
use super::failure::{Failure, Kind, Outcome};
use super::term::{Call, Op, Term};
use super::value::{FeedStep, Function, Value};

pub(super) fn evaluate(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Value> {
    let value = evaluator.evaluate(&call.arguments[0])?;
    let second = call.arguments.get(1);
    match (call.op, second) {
        (Op::Append, Some(item)) => {
            let mut items = value.datum()?.items()?.to_vec();
            items.push(evaluator.datum(item)?);
            Datum::array(items).map(Value::Datum)
        }
        (Op::Map | Op::ConcatMap, Some(function)) => map(evaluator, call.op, value, function),
        (Op::Filter, Some(function)) => filter(evaluator, value, function),
        (Op::Skip | Op::Limit, Some(count)) => {
            let count = evaluator.datum(count)?.count()?;
            cut(evaluator, call.op, value, count)
        }
        (Op::Nth, Some(place)) => {
            let place = evaluator.datum(place)?;
            let rows = evaluator.rows(value)?;
            nth(&rows, &place).map(Value::Datum)
        }
        (Op::CoerceTo, Some(kind)) => {
            let kind = evaluator.datum(kind)?;
            match kind.text()?.to_lowercase().as_str() {
                "array" => Datum::array(evaluator.rows(value)?).map(Value::Datum),
                "string" => match value.datum()? {
                    Datum::Text(text) => Ok(Value::Datum(Datum::Text(text))),
                    other => Ok(Value::Datum(other.json().to_string().into())),
                },
                other => Err(Failure::missing(&format!("the conversion to {other}"))),
            }
        }
        (Op::Contains, _) => {
            let rows = evaluator.rows(value)?;
            for wanted in &call.arguments[1..] {
                let wanted = evaluator.datum(wanted)?;
                if !rows.contains(&wanted) {
                    return Ok(Value::Datum(Datum::Bool(false)));
                }
            }
            Ok(Value::Datum(Datum::Bool(true)))
        }
        (Op::IsEmpty, _) => {
            let first = cut(evaluator, Op::Limit, value, 1)?;
            Ok(Value::Datum(Datum::Bool(evaluator.rows(first)?.is_empty())))
        }
        (Op::Count, _) => {
            let count = evaluator.rows(value)?.len();
            #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^53")]
            Ok(Value::Datum(Datum::Number(count as f64)))
        }
        _ => {
            let mut rows = evaluator.rows(value)?;
            rows.sort();
            rows.dedup();
            Datum::array(rows).map(Value::Datum)
        }
    }
}

/// Returns the element at a place; from the end if it is negative.
pub(super) fn nth(rows: &[Datum], place: &Datum) -> Outcome<Datum> {
    let number = place.number()?;
    let missing = || Failure::new(Kind::NonExistence, format!("Index out of bounds: {number}"));
    #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
    let place = number as i64;
    let place = if place < 0 {
        usize::try_from(place.unsigned_abs()).ok().and_then(|back| rows.len().checked_sub(back))
    } else {
        usize::try_from(place).ok()
    };
    place.and_then(|place| rows.get(place)).cloned().ok_or_else(missing)
}

fn map(evaluator: &mut Evaluator<'_>, op: Op, value: Value, function: &Term) -> Outcome<Value> {
    let function = evaluator.evaluate(function)?.function()?;
    check(&function)?;
    if let Value::Feed(mut plan) = value {
        if op != Op::Map {
            return Err(Failure::missing("concat_map of a feed"));
        }
        plan.steps.push(FeedStep::Map(function));
        return Ok(Value::Feed(plan));
    }
    let is_array = matches!(value, Value::Datum(_));
    let mut mapped = Vec::new();
    for row in evaluator.rows(value)? {
        let result = evaluator.call(&function, vec![row])?;
        match op {
            Op::Map => mapped.push(match result {
                Value::Slice(_) | Value::Selection(..) | Value::Stream(_) => {
                    Datum::array(evaluator.rows(result)?)?
                }
                other => other.datum()?,
            }),
            _ => mapped.extend(evaluator.rows(result)?),
        }
    }
    if is_array { Datum::array(mapped).map(Value::Datum) } else { Ok(Value::Stream(mapped)) }
}

fn filter(evaluator: &mut Evaluator<'_>, value: Value, function: &Term) -> Outcome<Value> {
    let function = evaluator.evaluate(function)?.function()?;
    check(&function)?;
    match value {
        Value::Feed(mut plan) => {
            plan.steps.push(FeedStep::Filter(function));
            Ok(Value::Feed(plan))
        }
        Value::Slice(slice) => {
            let table = slice.table.clone();
            let rows = evaluator.rows(Value::Slice(slice))?;
            Ok(Value::Selection(table, keep(evaluator, &function, rows)?))
        }
        Value::Selection(table, rows) => {
            Ok(Value::Selection(table, keep(evaluator, &function, rows)?))
        }
        Value::Datum(Datum::Array(items)) => {
            Datum::array(keep(evaluator, &function, Arc::unwrap_or_clone(items))?).map(Value::Datum)
        }
        other => {
            let rows = evaluator.rows(other)?;
            Ok(Value::Stream(keep(evaluator, &function, rows)?))
        }
    }
}

/// Returns the rows for which a function returns true. One that has no such field is left out.
pub(super) fn keep(
    evaluator: &mut Evaluator<'_>,
    function: &Function,
    rows: Vec<Datum>,
) -> Outcome<Vec<Datum>> {
    let mut kept = Vec::new();
    for row in rows {
        match evaluator.apply(function, row.clone()) {
            Ok(is_kept) if is_kept.is_true() => kept.push(row),
            Ok(_) | Err(Failure { kind: Kind::NonExistence, .. }) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(kept)
}

fn check(function: &Function) -> Outcome<()> {
    if function.body.writes() {
        let text = "Cannot nest writes or meta ops in stream operations.  Use FOR_EACH instead.";
        return Err(Failure::compile(text));
    }
    Ok(())
}

/// Skips some elements, or takes only some.
fn cut(evaluator: &mut Evaluator<'_>, op: Op, value: Value, count: usize) -> Outcome<Value> {
    let cut = |rows: Vec<Datum>| -> Vec<Datum> {
        match op {
            Op::Skip => rows.into_iter().skip(count).collect(),
            _ => rows.into_iter().take(count).collect(),
        }
    };
    match value {
        Value::Slice(mut slice) if slice.order.is_some() || (op == Op::Limit && count <= 1) => {
            match op {
                Op::Skip => {
                    let skipped = count.min(slice.limit);
                    slice.skip = slice.skip.saturating_add(skipped);
                    if slice.limit < usize::MAX {
                        slice.limit -= skipped;
                    }
                }
                _ => slice.limit = slice.limit.min(count),
            }
            Ok(Value::Slice(slice))
        }
        Value::Slice(slice) => {
            let table = slice.table.clone();
            Ok(Value::Selection(table, cut(evaluator.rows(Value::Slice(slice))?)))
        }
        Value::Selection(table, rows) => Ok(Value::Selection(table, cut(rows))),
        Value::Datum(Datum::Array(items)) => {
            Ok(Value::Datum(cut(Arc::unwrap_or_clone(items)).into()))
        }
        other => Ok(Value::Stream(cut(evaluator.rows(other)?))),
    }
}

//! Comparisons, and terms on numbers, texts and times.

use super::datum::Datum;
use super::evaluator::Evaluator;
use super::failure::{Failure, Outcome};
use super::term::{Call, Op};
use super::value::Value;

pub(super) fn evaluate(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Value> {
    let arguments: Outcome<Vec<Datum>> =
        call.arguments.iter().map(|term| evaluator.datum(term)).collect();
    let arguments = arguments?;
    let each = |holds: fn(&Datum, &Datum) -> bool| {
        Datum::Bool(arguments.windows(2).all(|pair| holds(&pair[0], &pair[1])))
    };
    let first = &arguments[0];
    Ok(Value::Datum(match call.op {
        Op::Eq => each(|one, two| one == two),
        Op::Ne => Datum::Bool(arguments.windows(2).any(|pair| pair[0] != pair[1])),
        Op::Lt => each(|one, two| one < two),
        Op::Le => each(|one, two| one <= two),
        Op::Gt => each(|one, two| one > two),
        Op::Ge => each(|one, two| one >= two),
        Op::Not => Datum::Bool(!first.is_true()),
        Op::Add => add(&arguments)?,
        Op::Mul => {
            let numbers: Outcome<Vec<f64>> = arguments.iter().map(Datum::number).collect();
            Datum::Number(numbers?.into_iter().product())
        }
        Op::Floor => Datum::Number(first.number()?.floor()),
        Op::Round => Datum::Number(first.number()?.round()),
        _ => match first {
            Datum::Time(time) => Datum::Number(*time),
            other => {
                return Err(Failure::logic(format!("Not a TIME pseudotype: `{}`.", other.json())));
            }
        },
    }))
}

fn add(arguments: &[Datum]) -> Outcome<Datum> {
    match &arguments[0] {
        Datum::Text(_) => {
            let texts: Outcome<Vec<&str>> = arguments.iter().map(Datum::text).collect();
            Ok(texts?.concat().into())
        }
        Datum::Array(_) => {
            let items: Outcome<Vec<&[Datum]>> = arguments.iter().map(Datum::items).collect();
            Datum::array(items?.concat())
        }
        _ => {
            let numbers: Outcome<Vec<f64>> = arguments.iter().map(Datum::number).collect();
            Ok(Datum::Number(numbers?.into_iter().sum()))
        }
    }
}

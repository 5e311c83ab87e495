//! Which module carries out which term.

use super::datum::Datum;
use super::evaluator::Evaluator;
use super::failure::{Failure, Kind, Outcome};
use super::term::{Call, Op};
use super::value::Value;
use super::{admin, arithmetic, objects, selecting, sequences, writing};

/// Carries out a term with arguments.
pub(super) fn carry_out(evaluator: &mut Evaluator<'_>, call: &Call) -> Outcome<Value> {
    let datum = |datum| Ok(Value::Datum(datum));
    match call.op {
        Op::MakeArray => {
            let items: Outcome<_> =
                call.arguments.iter().map(|item| evaluator.datum(item)).collect();
            Datum::array(items?).map(Value::Datum)
        }
        Op::Var => {
            let wanted = evaluator.datum(&call.arguments[0])?.number()?;
            let found = evaluator.variables.iter().rev().find(|(number, _)| same(*number, wanted));
            let found = found.map(|(_, value)| value.clone());
            found.map(Value::Datum).ok_or_else(|| Failure::compile("Variable name not found."))
        }
        Op::Func => evaluator.make_function(call).map(Value::Function),
        Op::Funcall => {
            let function = evaluator.evaluate(&call.arguments[0])?.function()?;
            let rest = call.arguments[1..].iter();
            let arguments: Outcome<_> = rest.map(|term| evaluator.datum(term)).collect();
            evaluator.call(&function, arguments?)
        }
        Op::Branch => evaluator.branch(&call.arguments),
        Op::And | Op::Or => {
            let mut last = Datum::Bool(call.op == Op::And);
            for term in &call.arguments {
                last = evaluator.datum(term)?;
                if last.is_true() == (call.op == Op::Or) {
                    break;
                }
            }
            datum(last)
        }
        Op::Default => match evaluator.evaluate(&call.arguments[0]) {
            Ok(Value::Datum(Datum::Null) | Value::Single(_, _, Datum::Null)) => {
                evaluator.evaluate(&call.arguments[1])
            }
            Err(Failure { kind: Kind::NonExistence, .. }) => evaluator.evaluate(&call.arguments[1]),
            other => other,
        },
        Op::Error => {
            let text = call.arguments.first().map(|term| evaluator.datum(term)).transpose()?;
            let text = text.map(|text| text.text().map(str::to_owned)).transpose()?;
            Err(Failure::new(Kind::User, text.unwrap_or_default()))
        }
        Op::Now => datum(Datum::Time(evaluator.now)),
        Op::MinVal => datum(Datum::Min),
        Op::MaxVal => datum(Datum::Max),
        Op::TypeOf => {
            let name = evaluator.evaluate(&call.arguments[0])?.type_name();
            datum(name.into())
        }
        Op::Eq
        | Op::Ne
        | Op::Lt
        | Op::Le
        | Op::Gt
        | Op::Ge
        | Op::Not
        | Op::Add
        | Op::Mul
        | Op::Floor
        | Op::Round
        | Op::ToEpochTime => arithmetic::evaluate(evaluator, call),
        Op::Bracket | Op::HasFields | Op::Pluck | Op::Without | Op::Merge => {
            objects::evaluate(evaluator, call)
        }
        Op::Append
        | Op::Map
        | Op::Filter
        | Op::ConcatMap
        | Op::Distinct
        | Op::Count
        | Op::Nth
        | Op::CoerceTo
        | Op::Skip
        | Op::Limit
        | Op::IsEmpty
        | Op::Contains => sequences::evaluate(evaluator, call),
        Op::Db
        | Op::Table
        | Op::Get
        | Op::GetAll
        | Op::Between
        | Op::OrderBy
        | Op::Asc
        | Op::Desc
        | Op::Changes => selecting::evaluate(evaluator, call),
        Op::Insert | Op::Replace | Op::Delete => writing::evaluate(evaluator, call),
        Op::DbCreate
        | Op::DbDrop
        | Op::DbList
        | Op::TableCreate
        | Op::TableDrop
        | Op::TableList
        | Op::IndexCreate
        | Op::IndexDrop
        | Op::IndexList
        | Op::IndexWait
        | Op::Wait
        | Op::Grant => admin::evaluate(evaluator, call),
    }
}

fn same(number: u64, wanted: f64) -> bool {
    #[expect(
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "the numbers of variables are small"
    )]
    let is_same = number as f64 == wanted;
    is_same
}

//! The state of a query, and what all terms need.

use std::sync::Arc;

use super::datum::{Datum, Fields};
use super::failure::{Failure, Kind, Outcome};
use super::journal::Journal;
use super::storage::{Storage, scramble};
use super::term::{Call, Term};
use super::users::{Right, Users};
use super::value::{Function, Value};

/// Carries out the terms of one query.
pub(super) struct Evaluator<'a> {
    pub(super) storage: &'a mut Storage,
    pub(super) journal: &'a mut Journal,
    pub(super) users: &'a mut Users,
    pub(super) user: &'a str,
    /// The time at which the query arrived, in seconds since 1970.
    pub(super) now: f64,
    /// The database of tables that are named without one.
    pub(super) database: Option<String>,
    pub(super) variables: Vec<(u64, Datum)>,
    /// Carries out a term with arguments.
    pub(super) carry_out: fn(&mut Self, &Call) -> Outcome<Value>,
}

impl Evaluator<'_> {
    pub(super) fn evaluate(&mut self, term: &Term) -> Outcome<Value> {
        match term {
            Term::Datum(datum) => Ok(Value::Datum(datum.clone())),
            Term::Object(fields) => {
                let mut object = Fields::new();
                for (name, term) in fields {
                    object.insert(name.clone(), self.datum(term)?);
                }
                Datum::object(object).map(Value::Datum)
            }
            Term::Call(call) => (self.carry_out)(self, call),
        }
    }

    pub(super) fn make_function(&mut self, call: &Call) -> Outcome<Function> {
        let parameters = self.datum(&call.arguments[0])?;
        let parameters = parameters.items()?.iter().map(|number| Ok(number.count()? as u64));
        Ok(Function {
            parameters: parameters.collect::<Outcome<_>>()?,
            body: call.arguments[1].clone(),
            variables: self.variables.clone(),
        })
    }

    pub(super) fn branch(&mut self, arguments: &[Term]) -> Outcome<Value> {
        if arguments.len().is_multiple_of(2) {
            return Err(Failure::compile(
                "Cannot call `branch` term with an even number of arguments.",
            ));
        }
        let mut rest = arguments;
        while let [condition, then, others @ ..] = rest {
            if self.datum(condition)?.is_true() {
                return self.evaluate(then);
            }
            rest = others;
        }
        self.evaluate(&rest[0])
    }

    /// Calls a function.
    pub(super) fn call(&mut self, function: &Function, arguments: Vec<Datum>) -> Outcome<Value> {
        if function.parameters.len() != arguments.len() {
            return Err(Failure::logic(format!(
                "Expected function with {} argument{} but found function with {} argument{}.",
                arguments.len(),
                if arguments.len() == 1 { "" } else { "s" },
                function.parameters.len(),
                if function.parameters.len() == 1 { "" } else { "s" },
            )));
        }
        let mut variables = function.variables.clone();
        variables.extend(function.parameters.iter().copied().zip(arguments));
        let outer = std::mem::replace(&mut self.variables, variables);
        let result = self.evaluate(&function.body);
        self.variables = outer;
        result
    }

    /// Calls a function that returns a datum.
    pub(super) fn apply(&mut self, function: &Function, argument: Datum) -> Outcome<Datum> {
        self.call(function, vec![argument])?.datum()
    }

    /// Returns the datum that a term results in.
    pub(super) fn datum(&mut self, term: &Term) -> Outcome<Datum> {
        match self.evaluate(term)? {
            Value::Datum(datum) | Value::Single(_, _, datum) => Ok(datum),
            Value::Selection(_, rows) | Value::Stream(rows) => Datum::array(rows),
            Value::Slice(slice) => Datum::array(self.rows(Value::Slice(slice))?),
            other => other.datum(),
        }
    }

    /// Returns an option of a term.
    pub(super) fn option(&mut self, call: &Call, name: &str) -> Outcome<Option<Datum>> {
        call.options.get(name).map(|term| self.datum(term)).transpose()
    }

    /// Returns an option that is one of these texts.
    pub(super) fn choice(
        &mut self,
        call: &Call,
        name: &str,
        allowed: &[&str],
    ) -> Outcome<Option<String>> {
        let Some(given) = self.option(call, name)? else { return Ok(None) };
        let text = given.text()?;
        if allowed.contains(&text) {
            return Ok(Some(text.to_owned()));
        }
        let allowed: Vec<String> = allowed.iter().map(|text| format!("\"{text}\"")).collect();
        Err(Failure::logic(format!(
            "{name} option `{text}` unrecognized (options are {}).",
            allowed.join(" and ")
        )))
    }

    /// Returns the elements of a sequence. Rows that are not ordered have an order of no meaning.
    pub(super) fn rows(&mut self, value: Value) -> Outcome<Vec<Datum>> {
        match value {
            Value::Selection(_, rows) | Value::Stream(rows) => Ok(rows),
            Value::Datum(Datum::Array(rows)) => Ok(Arc::unwrap_or_clone(rows)),
            Value::Slice(slice) => {
                self.require(Right::Read, &slice.table.0)?;
                let mut rows = self.storage.table(&slice.table)?.rows_of(&slice)?;
                if slice.order.is_none() {
                    scramble(&mut rows);
                }
                Ok(rows)
            }
            other => {
                let name = other.type_name();
                let kind = if name == "NULL" { Kind::NonExistence } else { Kind::Logic };
                Err(Failure::new(kind, format!("Cannot convert {name} to SEQUENCE")))
            }
        }
    }

    /// Returns an error if the user may not do this in a database.
    pub(super) fn require(&self, right: Right, database: &str) -> Outcome<()> {
        self.users.require(self.user, right, database)
    }
}

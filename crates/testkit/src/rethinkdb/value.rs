//! The results of terms.

use super::datum::Datum;
use super::failure::{Failure, Outcome};
use super::storage::{Slice, TableName};
use super::term::Term;

/// The result of a term.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Datum(Datum),
    Database(String),
    /// A table, or a part of one.
    Slice(Slice),
    /// Rows that a write can change.
    Selection(TableName, Vec<Datum>),
    /// A row, or null, that a write can change.
    Single(TableName, Datum, Datum),
    Stream(Vec<Datum>),
    Feed(FeedPlan),
    Function(Function),
}

/// A function with the variables around it.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) parameters: Vec<u64>,
    pub(super) body: Term,
    pub(super) variables: Vec<(u64, Datum)>,
}

/// A feed, and what happens to each change before it is sent.
#[derive(Clone, Debug)]
pub(super) struct FeedPlan {
    pub(super) table: TableName,
    pub(super) steps: Vec<FeedStep>,
}

/// What happens to a change before it is sent.
#[derive(Clone, Debug)]
pub(super) enum FeedStep {
    Filter(Function),
    Map(Function),
    Pluck(Vec<String>),
}

impl Value {
    /// Returns what errors call it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Datum(datum) => datum.type_name(),
            Self::Database(_) => "DB",
            Self::Slice(slice) if slice.is_whole() => "TABLE",
            Self::Slice(slice) if slice.order.is_none() => "TABLE_SLICE",
            Self::Slice(_) | Self::Selection(..) => "SELECTION<STREAM>",
            Self::Single(..) => "SELECTION<OBJECT>",
            Self::Stream(_) | Self::Feed(_) => "STREAM",
            Self::Function(_) => "FUNCTION",
        }
    }

    /// Returns the datum that it is.
    pub(super) fn datum(self) -> Outcome<Datum> {
        match self {
            Self::Datum(datum) | Self::Single(_, _, datum) => Ok(datum),
            other => Err(Failure::logic(format!(
                "Expected type DATUM but found {}:\n{}",
                other.type_name(),
                other.type_name()
            ))),
        }
    }

    pub(super) fn function(self) -> Outcome<Function> {
        match self {
            Self::Function(function) => Ok(function),
            other => Err(Failure::expected("FUNCTION", other.type_name())),
        }
    }
}

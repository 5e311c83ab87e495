//! What the code calls that `#[job]` generates: the same as other functions of this crate, with errors that speak of jobs.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Bound, JobFuture, JobResult, Parameter};
use crate::Result;

#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a parameter of a job",
    label = "serde can't read this type",
    note = "an argument is kept as JSON, so its type implements `serde::Deserialize` and borrows nothing; \
            `#[derive(serde::Deserialize)]` does it for a type of your own",
    note = "the context of the run is asked for by the name `&JobContext`"
)]
pub trait JobArgument: DeserializeOwned {}

// Otherwise the compiler would speak of the bounds here.
#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> JobArgument for T {}

pub fn required<T: JobArgument>(name: &'static str) -> Parameter {
    Parameter::required::<T>(name)
}

pub fn optional<T: JobArgument>(name: &'static str) -> Parameter {
    Parameter::optional::<T>(name)
}

pub fn require<T: JobArgument>(bound: &Bound<'_>, position: usize) -> Result<T> {
    bound.require(position)
}

pub fn get<T: JobArgument>(bound: &Bound<'_>, position: usize) -> Result<Option<T>> {
    bound.get(position)
}

pub fn future(future: impl Future<Output = JobResult> + Send + 'static) -> JobFuture {
    Box::pin(future)
}

pub fn table<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

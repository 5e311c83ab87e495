//! How `#[job]` turns what a function returns into the result of a job.
//!
//! Bounds can't tell a `Result` from other values that serde can write: `Result` is one of them. So the generated code
//! calls `(&&&&&&&Returns::of(&value)).kind()`. Of the traits below that fit, the compiler takes the one for the most
//! references (autoref specialization), and by its type, so aliases of `Result` work too. What fits nowhere ends in one of
//! the `…JobReturn` traits, which nothing implements and whose message the compiler shows.

use std::marker::PhantomData;

use serde::Serialize;

use super::{IntoReturned, JobError, JobResult, Json};

/// Stands for the type of a return value.
#[derive(Debug)]
pub struct Returns<T>(PhantomData<fn() -> T>);

impl<T> Returns<T> {
    pub fn of(_value: &T) -> Self {
        Self(PhantomData)
    }
}

#[diagnostic::on_unimplemented(
    message = "a job can't return `{Self}`",
    label = "this can't be the return value of a job",
    note = "a job returns `()`, a value that implements `serde::Serialize`, or a `Result` of these"
)]
pub trait JobReturn {}

#[diagnostic::on_unimplemented(
    message = "a job can't return `{Self}` in a `Result`",
    label = "this can't be the return value of a job",
    note = "a job returns `()`, a value that implements `serde::Serialize`, or a `Result` of these"
)]
pub trait OkJobReturn {}

#[diagnostic::on_unimplemented(
    message = "a job can't fail with `{Self}`",
    label = "this can't be the error of a job",
    note = "the error of a job is text, `JobError`, or an error that other threads can show: `std::error::Error + Send + \
            Sync + 'static`, also boxed, or `anyhow::Error`"
)]
pub trait ErrJobReturn {}

#[diagnostic::on_unimplemented(
    message = "a job can't return a future",
    label = "this can't be the return value of a job",
    note = "make it an `async fn` that returns what the future gives"
)]
pub trait FutureJobReturn {}

macro_rules! kind {
    ($marker:ident $trait:ident, $for:ty, [$($generics:tt)*], $convert:item) => {
        #[derive(Debug)]
        pub struct $marker;

        impl $marker {
            $convert
        }

        pub trait $trait {
            fn kind(&self) -> $marker {
                $marker
            }
        }

        impl<$($generics)*> $trait for $for {}
    };
}

kind!(Plain IsPlain, &&&&&&Returns<T>, [T: IntoReturned],
    pub fn convert<T: IntoReturned>(self, value: T) -> JobResult {
        value.into_returned()
    }
);
kind!(Fallible IsFallible, &&&&&Returns<Result<T, E>>, [T: Serialize, E: Into<JobError>],
    pub fn convert<T: Serialize, E: Into<JobError>>(self, value: Result<T, E>) -> JobResult {
        value.map(Json).into_returned()
    }
);
kind!(OddOk IsOddOk, &&&&Returns<Result<T, E>>, [T, E: Into<JobError>],
    pub fn convert<T: OkJobReturn, E>(self, _value: Result<T, E>) -> JobResult {
        Err(JobError::new("no JSON"))
    }
);
kind!(OddErr IsOddErr, &&&Returns<Result<T, E>>, [T, E],
    pub fn convert<T, E: ErrJobReturn>(self, _value: Result<T, E>) -> JobResult {
        Err(JobError::new("no error"))
    }
);
kind!(Value IsValue, &&Returns<T>, [T: Serialize],
    pub fn convert<T: Serialize>(self, value: T) -> JobResult {
        Json(value).into_returned()
    }
);
kind!(OddFuture IsFuture, &Returns<T>, [T: Future],
    pub fn convert<T: FutureJobReturn>(self, _value: T) -> JobResult {
        Err(JobError::new("a future"))
    }
);
kind!(Odd IsOdd, Returns<T>, [T],
    pub fn convert<T: JobReturn>(self, _value: T) -> JobResult {
        Err(JobError::new("no JSON"))
    }
);

//! Plain functions, async functions and closures as job functions.

use std::future::Future;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{Bound, Function, IntoReturned, JobContext, Parameter, Parameters};

/// A function or closure that can be registered: it takes up to six positional arguments, each of a type that serde can
/// read, after a context if it wants one: a plain function a `&JobContext`, an async one a `JobContext` of its own.
///
/// `M` only tells the implementations apart.
///
/// # Examples
/// ```
/// use apscheduler_core::function::JobContext;
/// use apscheduler_core::registry::Registry;
///
/// async fn ship(order: u64) -> Result<(), std::io::Error> {
/// #   drop(order);
///     Ok(())
/// }
///
/// let registry = apscheduler_testkit::registry();
/// registry.register_function("ship", ship)?;
/// registry.register_function("greet", |context: &JobContext, name: String| format!("{}: {name}", context.job_id()))?;
/// registry.register_function("wait", |context: JobContext| async move { context.attempt() })?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be called as a job",
    label = "not a function that a job can call",
    note = "here a function takes up to six owned arguments that implement `serde::Deserialize`, after a `&JobContext` \
            (an async one: a `JobContext`) if it wants one, and returns what implements `IntoReturned`",
    note = "`#[job]` on a function allows more; give such a function to `JobBuilder::registered`, or name it by text"
)]
pub trait IntoFunction<M> {
    /// The function under this name.
    fn into_function(self, name: &str) -> Function;
}

/// Marks functions that take a `&JobContext` first.
#[derive(Debug)]
pub struct WithContext;
/// Marks functions that take arguments alone.
#[derive(Debug)]
pub struct Plain;
/// Marks async functions that take a `JobContext` first.
#[derive(Debug)]
pub struct AsyncWithContext;
/// Marks async functions that take arguments alone.
#[derive(Debug)]
pub struct AsyncPlain;

macro_rules! into_function {
    ($($argument:ident $position:literal),*) => {
        impl<F, R, $($argument),*> IntoFunction<(Plain, R, $($argument,)*)> for F
        where
            F: Fn($($argument),*) -> R + Send + Sync + 'static,
            R: IntoReturned,
            $($argument: DeserializeOwned + 'static,)*
        {
            fn into_function(self, name: &str) -> Function {
                let parameters = vec![$(parameter::<$argument>($position)),*];
                plain(name, parameters, move |_, _bound| {
                    Ok(self($(_bound.require::<$argument>($position)?),*))
                })
            }
        }

        impl<F, R, $($argument),*> IntoFunction<(WithContext, R, $($argument,)*)> for F
        where
            F: Fn(&JobContext, $($argument),*) -> R + Send + Sync + 'static,
            R: IntoReturned,
            $($argument: DeserializeOwned + 'static,)*
        {
            fn into_function(self, name: &str) -> Function {
                let parameters = vec![$(parameter::<$argument>($position)),*];
                plain(name, parameters, move |context, _bound| {
                    Ok(self(context, $(_bound.require::<$argument>($position)?),*))
                })
            }
        }

        impl<F, R, $($argument),*> IntoFunction<(AsyncPlain, R, $($argument,)*)> for F
        where
            F: Fn($($argument),*) -> R + Send + Sync + 'static,
            R: Future<Output: IntoReturned> + Send + 'static,
            $($argument: DeserializeOwned + 'static,)*
        {
            fn into_function(self, name: &str) -> Function {
                let parameters = vec![$(parameter::<$argument>($position)),*];
                future(name, parameters, move |_, _bound| {
                    Ok(self($(_bound.require::<$argument>($position)?),*))
                })
            }
        }

        impl<F, R, $($argument),*> IntoFunction<(AsyncWithContext, R, $($argument,)*)> for F
        where
            F: Fn(JobContext, $($argument),*) -> R + Send + Sync + 'static,
            R: Future<Output: IntoReturned> + Send + 'static,
            $($argument: DeserializeOwned + 'static,)*
        {
            fn into_function(self, name: &str) -> Function {
                let parameters = vec![$(parameter::<$argument>($position)),*];
                future(name, parameters, move |context, _bound| {
                    Ok(self(context, $(_bound.require::<$argument>($position)?),*))
                })
            }
        }
    };
}

into_function!();
into_function!(A 0);
into_function!(A 0, B 1);
into_function!(A 0, B 1, C 2);
into_function!(A 0, B 1, C 2, D 3);
into_function!(A 0, B 1, C 2, D 3, E 4);
into_function!(A 0, B 1, C 2, D 3, E 4, G 5);

fn parameter<T: DeserializeOwned>(position: usize) -> Parameter {
    Parameter::required::<T>(format!("{}", position + 1))
}

fn plain<R: IntoReturned>(
    name: &str,
    parameters: Vec<Parameter>,
    call: impl Fn(&JobContext, &Bound<'_>) -> crate::Result<R> + Send + Sync + 'static,
) -> Function {
    let parameters = Parameters::positional(name.to_owned(), parameters);
    Function::with_parameters(name, parameters, move |context, bound| {
        call(context, bound)?.into_returned()
    })
}

fn future<R: Future<Output: IntoReturned> + Send + 'static>(
    name: &str,
    parameters: Vec<Parameter>,
    call: impl Fn(JobContext, &Bound<'_>) -> crate::Result<R> + Send + Sync + 'static,
) -> Function {
    let parameters = Parameters::positional(name.to_owned(), parameters);
    Function::with_parameters_async(name, parameters, move |context, bound| {
        let future = call(context, bound)?;
        Ok(Box::pin(async move { future.await.into_returned() }))
    })
}

/// The function of a new job: a registered name, or the function itself.
#[derive(Clone, Debug)]
pub enum JobFunction {
    /// The name of a registered function.
    Named(String),
    /// A function that was given itself. Where one is registered under its path, that one is meant.
    Direct(Arc<Function>),
}

/// What may be given as the function of a job: a registered name, a function item, or a closure.
///
/// `M` only tells the implementations apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be given as the function of a job",
    label = "neither a name nor a function that a job can call",
    note = "here a function takes up to six owned arguments that implement `serde::Deserialize`, after a `&JobContext` \
            (an async one: a `JobContext`) if it wants one, and returns what implements `IntoReturned`",
    note = "`#[job]` on a function allows more; give such a function to `JobBuilder::registered`, or name it by text"
)]
pub trait IntoJobFunction<M> {
    /// The common form.
    fn into_job_function(self) -> JobFunction;
}

/// Marks names.
#[derive(Debug)]
pub struct Name;

impl IntoJobFunction<Name> for &str {
    fn into_job_function(self) -> JobFunction {
        JobFunction::Named(self.to_owned())
    }
}

impl IntoJobFunction<Name> for String {
    fn into_job_function(self) -> JobFunction {
        JobFunction::Named(self)
    }
}

impl IntoJobFunction<Name> for Arc<Function> {
    fn into_job_function(self) -> JobFunction {
        JobFunction::Direct(self)
    }
}

impl<M, F: IntoFunction<M>> IntoJobFunction<(M,)> for F {
    fn into_job_function(self) -> JobFunction {
        // The path of a function item is the name under which `#[job]` registers it.
        let path = std::any::type_name::<F>();
        JobFunction::Direct(Arc::new(self.into_function(path).unnamed()))
    }
}

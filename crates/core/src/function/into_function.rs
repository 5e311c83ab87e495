//! Plain functions and closures as job functions.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{Arguments, Callable, Function, IntoReturned, JobContext, Parameter, Parameters};

/// A plain function or closure that can be registered: it takes up to six positional arguments, each of a type that
/// serde can read, after a `&JobContext` if it wants one.
///
/// `M` only tells the implementations apart.
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

macro_rules! into_function {
    ($($argument:ident $position:literal),*) => {
        impl<F, R, $($argument),*> IntoFunction<(Plain, R, $($argument,)*)> for F
        where
            F: Fn($($argument),*) -> R + Send + Sync + 'static,
            R: IntoReturned,
            $($argument: DeserializeOwned + 'static,)*
        {
            fn into_function(self, name: &str) -> Function {
                wrap(name, vec![$(parameter::<$argument>($position)),*], move |_, _bound| {
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
                wrap(name, vec![$(parameter::<$argument>($position)),*], move |context, _bound| {
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

fn wrap<R: IntoReturned>(
    name: &str,
    parameters: Vec<Parameter>,
    call: impl Fn(&JobContext, &super::Bound<'_>) -> crate::Result<R> + Send + Sync + 'static,
) -> Function {
    let parameters = Parameters::positional(name.to_owned(), parameters);
    let binder = parameters.clone();
    let callable = Callable::Sync(Arc::new(move |context: &JobContext, arguments: &Arguments| {
        let bound = binder.bind(arguments)?;
        call(context, &bound)?.into_returned()
    }));
    Function::with_parameters(name, parameters, callable)
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

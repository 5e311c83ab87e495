//! Functions that jobs call, registered by a stable name.
//!
//! Only registered functions can run. Stores and config files refer to functions by name; they can't contain code.

mod arguments;
mod call;
mod context;
#[doc(hidden)]
pub mod from_macros;
mod into_function;
#[doc(hidden)]
pub mod job_return;
mod lookup;
mod returned;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use arguments::{Arguments, Bound, Parameter, Parameters};
pub use context::{ContextParts, JobContext, JobHost};
pub use into_function::{IntoFunction, IntoJobFunction, JobFunction};
pub use lookup::FunctionLookup;
pub use returned::{IntoReturned, JobError, Json};

use crate::{Result, options};

/// The result of a job's function: a JSON value for the event, or an error.
pub type JobResult = std::result::Result<Value, JobError>;

/// The future of an async job.
pub type JobFuture = Pin<Box<dyn Future<Output = JobResult> + Send>>;

type SyncCall = dyn Fn(&JobContext, &Arguments) -> JobResult + Send + Sync;
type AsyncCall = dyn Fn(JobContext, &Arguments) -> JobFuture + Send + Sync;

/// How a function is called.
#[derive(Clone)]
#[non_exhaustive]
pub enum Callable {
    /// Runs to its end in the calling thread.
    Sync(Arc<SyncCall>),
    /// Returns a future.
    Async(Arc<AsyncCall>),
}

type Check = dyn Fn(&Arguments) -> Result<()> + Send + Sync;

/// A function with its names, the check of its arguments, and the way to call it.
#[derive(Clone)]
pub struct Function {
    name: Arc<str>,
    aliases: Vec<Arc<str>>,
    check: Arc<Check>,
    callable: Callable,
    named: bool,
}

/// A function that a crate adds to the default registry; created by the `#[job]` macro.
pub struct FunctionEntry(pub fn() -> Function);

inventory::collect!(FunctionEntry);

impl Function {
    /// Creates a function whose arguments are checked by `check` when a job is added.
    pub fn new(
        name: &str,
        check: impl Fn(&Arguments) -> Result<()> + Send + Sync + 'static,
        callable: Callable,
    ) -> Self {
        Self {
            name: name.into(),
            aliases: Vec::new(),
            check: Arc::new(check),
            callable,
            named: true,
        }
    }

    /// Creates a plain function with declared parameters.
    ///
    /// # Examples
    /// ```
    /// use apscheduler_core::function::{Function, Parameter, Parameters};
    ///
    /// let parameters = Parameters::new("halve", vec![Parameter::required::<i64>("number")]);
    /// let function = Function::with_parameters("halve", parameters, |_context, bound| {
    ///     let number: i64 = bound.require(0)?;
    ///     Ok((number / 2).into())
    /// });
    /// assert_eq!(function.name(), "halve");
    /// ```
    pub fn with_parameters(
        name: &str,
        parameters: Parameters,
        call: impl Fn(&JobContext, &Bound<'_>) -> JobResult + Send + Sync + 'static,
    ) -> Self {
        let parameters = Arc::new(parameters);
        let checked = Arc::clone(&parameters);
        let callable = Callable::Sync(Arc::new(move |context, arguments| {
            call(context, &parameters.bind(arguments)?)
        }));
        Self::new(name, move |arguments| checked.check(arguments), callable)
    }

    /// Creates an async function with declared parameters. `call` reads the values and returns the future.
    pub fn with_parameters_async(
        name: &str,
        parameters: Parameters,
        call: impl Fn(JobContext, &Bound<'_>) -> Result<JobFuture> + Send + Sync + 'static,
    ) -> Self {
        let parameters = Arc::new(parameters);
        let checked = Arc::clone(&parameters);
        let callable = Callable::Async(Arc::new(move |context, arguments| {
            let future = parameters.bind(arguments).and_then(|bound| call(context, &bound));
            future.unwrap_or_else(|error| Box::pin(std::future::ready(Err(error.into()))))
        }));
        Self::new(name, move |arguments| checked.check(arguments), callable)
    }

    /// Creates a function that takes its `kwargs` as one struct, and no `args`. Unknown names are errors.
    ///
    /// # Examples
    /// ```
    /// use apscheduler_core::function::Function;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Mail { to: String, #[serde(default)] subject: String }
    ///
    /// let function = Function::with_kwargs("mail", |_context, mail: Mail| format!("to {}: {}", mail.to, mail.subject));
    /// assert_eq!(function.name(), "mail");
    /// ```
    pub fn with_kwargs<T, R>(
        name: &str,
        function: impl Fn(&JobContext, T) -> R + Send + Sync + 'static,
    ) -> Self
    where
        T: DeserializeOwned + 'static,
        R: IntoReturned,
    {
        fn read<T: DeserializeOwned>(name: &str, arguments: &Arguments) -> Result<T> {
            let what = format!("function `{name}`");
            if !arguments.args().is_empty() {
                let message = format!("{what}: takes no positional arguments; give them as kwargs");
                return Err(crate::Error::new(crate::ErrorKind::InvalidArguments, message));
            }
            let empty = options::Options::new();
            options::parse(&what, arguments.kwargs().unwrap_or(&empty)).map_err(|error| {
                crate::Error::new(crate::ErrorKind::InvalidArguments, error.message().to_owned())
            })
        }
        let (owned, owned_too) = (name.to_owned(), name.to_owned());
        let callable = Callable::Sync(Arc::new(move |context, arguments| {
            let given = read::<T>(&owned, arguments)?;
            function(context, given).into_returned()
        }));
        Self::new(name, move |arguments| read::<T>(&owned_too, arguments).map(drop), callable)
    }

    /// Adds an alias, so that jobs that were stored under an earlier name still find the function.
    pub fn alias(mut self, alias: &str) -> Self {
        if self.names().all(|name| name != alias) {
            self.aliases.push(alias.into());
        }
        self
    }

    /// Marks a closure, which has no name that a store could keep.
    pub(crate) fn unnamed(mut self) -> Self {
        self.named = false;
        self
    }

    /// Returns the stable name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn name_arc(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns the name and the aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name()).chain(self.aliases.iter().map(|alias| &**alias))
    }

    /// Returns whether a store can keep it: a closure that is not registered can't be found again.
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// Returns whether it is async.
    pub fn is_async(&self) -> bool {
        matches!(self.callable, Callable::Async(_))
    }

    /// Returns how it is called.
    pub fn callable(&self) -> &Callable {
        &self.callable
    }

    /// Checks that it can be called with these arguments.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArguments`](crate::ErrorKind::InvalidArguments) that names the argument that is not valid.
    pub fn check(&self, arguments: &Arguments) -> Result<()> {
        (self.check)(arguments)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .field("async", &self.is_async())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Callable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sync(_) => "Sync",
            Self::Async(_) => "Async",
        })
    }
}

impl fmt::Debug for FunctionEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FunctionEntry")
    }
}

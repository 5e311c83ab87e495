//! Descriptors of plugins.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::executor::Executor;
use crate::options::Options;
use crate::store::JobStore;
use crate::trigger::{Trigger, TriggerContext};
use crate::{Error, ErrorKind, Result};

/// The kinds of component that plugins bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PluginKind {
    /// Computes when jobs run.
    Trigger,
    /// Keeps jobs.
    JobStore,
    /// Runs jobs.
    Executor,
    /// Connects the engine to an event loop.
    Scheduler,
}

impl PluginKind {
    /// Every kind, in the order in which lists show them.
    pub const ALL: [Self; 4] = [Self::Trigger, Self::JobStore, Self::Executor, Self::Scheduler];

    /// Returns the name for people, such as `job store`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::JobStore => "job store",
            Self::Executor => "executor",
            Self::Scheduler => "scheduler",
        }
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A function that builds an object from options: a function in a `static`, or a closure that is registered at run time.
pub enum Build<F: ?Sized + 'static> {
    /// A function pointer.
    Static(&'static F),
    /// A closure.
    Shared(Arc<F>),
}

impl<F: ?Sized> Clone for Build<F> {
    fn clone(&self) -> Self {
        match self {
            Self::Static(function) => Self::Static(function),
            Self::Shared(function) => Self::Shared(Arc::clone(function)),
        }
    }
}

impl<F: ?Sized> fmt::Debug for Build<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Build")
    }
}

impl<F: ?Sized> std::ops::Deref for Build<F> {
    type Target = F;

    fn deref(&self) -> &F {
        match self {
            Self::Static(function) => function,
            Self::Shared(function) => function,
        }
    }
}

/// Builds a trigger.
pub type BuildTrigger =
    dyn Fn(&Options, &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> + Send + Sync;
/// Builds a job store. It must not connect: that is for [`JobStore::start`].
pub type BuildJobStore = dyn Fn(&Options) -> Result<Arc<dyn JobStore>> + Send + Sync;
/// Builds an executor. It must not start threads: that is for [`Executor::start`].
pub type BuildExecutor = dyn Fn(&Options) -> Result<Arc<dyn Executor>> + Send + Sync;

#[derive(Clone)]
enum Factory {
    Trigger(Build<BuildTrigger>),
    JobStore(Build<BuildJobStore>),
    Executor(Build<BuildExecutor>),
    Scheduler,
}

/// The descriptor of a plugin: names by which configs find it, and the function that builds it.
///
/// # Examples
/// A plugin crate has it as a `static`:
/// ```
/// use std::sync::Arc;
/// use apscheduler_core::registry::Plugin;
/// use apscheduler_store_memory::MemoryJobStore;
///
/// /// The descriptor of this plugin.
/// pub static PLUGIN: Plugin = Plugin::job_store("acme", &|_options| Ok(Arc::new(MemoryJobStore::new())))
///     .aliases(&["acme-store"])
///     .summary("keeps jobs at Acme")
///     .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
/// ```
#[derive(Clone)]
pub struct Plugin {
    name: Cow<'static, str>,
    aliases: &'static [&'static str],
    classes: &'static [&'static str],
    url_schemes: &'static [&'static str],
    summary: &'static str,
    crate_name: &'static str,
    crate_version: &'static str,
    factory: Factory,
}

impl Plugin {
    const fn new(name: Cow<'static, str>, factory: Factory) -> Self {
        Self {
            name,
            aliases: &[],
            classes: &[],
            url_schemes: &[],
            summary: "",
            crate_name: "",
            crate_version: "",
            factory,
        }
    }

    /// Creates a trigger plugin.
    pub const fn trigger(name: &'static str, build: &'static BuildTrigger) -> Self {
        Self::new(Cow::Borrowed(name), Factory::Trigger(Build::Static(build)))
    }

    /// Creates a job store plugin.
    pub const fn job_store(name: &'static str, build: &'static BuildJobStore) -> Self {
        Self::new(Cow::Borrowed(name), Factory::JobStore(Build::Static(build)))
    }

    /// Creates an executor plugin.
    pub const fn executor(name: &'static str, build: &'static BuildExecutor) -> Self {
        Self::new(Cow::Borrowed(name), Factory::Executor(Build::Static(build)))
    }

    /// Creates a scheduler plugin, for the list of linked plugins. Programs name a scheduler by its type, not by text.
    pub const fn scheduler(name: &'static str) -> Self {
        Self::new(Cow::Borrowed(name), Factory::Scheduler)
    }

    /// Creates a trigger plugin at run time.
    pub fn trigger_fn(
        name: impl Into<String>,
        build: impl Fn(&Options, &TriggerContext<'_>) -> Result<Arc<dyn Trigger>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self::new(Cow::Owned(name.into()), Factory::Trigger(Build::Shared(Arc::new(build))))
    }

    /// Creates a job store plugin at run time.
    pub fn job_store_fn(
        name: impl Into<String>,
        build: impl Fn(&Options) -> Result<Arc<dyn JobStore>> + Send + Sync + 'static,
    ) -> Self {
        Self::new(Cow::Owned(name.into()), Factory::JobStore(Build::Shared(Arc::new(build))))
    }

    /// Creates an executor plugin at run time.
    pub fn executor_fn(
        name: impl Into<String>,
        build: impl Fn(&Options) -> Result<Arc<dyn Executor>> + Send + Sync + 'static,
    ) -> Self {
        Self::new(Cow::Owned(name.into()), Factory::Executor(Build::Shared(Arc::new(build))))
    }

    /// Sets other names for `type`.
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Sets the Python class references for `class`.
    pub const fn classes(mut self, classes: &'static [&'static str]) -> Self {
        self.classes = classes;
        self
    }

    /// Sets the schemes of the URLs that this job store connects to; `sqlalchemy` finds it by them.
    pub const fn url_schemes(mut self, schemes: &'static [&'static str]) -> Self {
        self.url_schemes = schemes;
        self
    }

    /// Sets what it does, in a few words.
    pub const fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// Sets the crate that contains it: `env!("CARGO_PKG_NAME")` and `env!("CARGO_PKG_VERSION")`.
    pub const fn source(mut self, crate_name: &'static str, crate_version: &'static str) -> Self {
        self.crate_name = crate_name;
        self.crate_version = crate_version;
        self
    }

    /// Returns the kind of component.
    pub fn kind(&self) -> PluginKind {
        match self.factory {
            Factory::Trigger(_) => PluginKind::Trigger,
            Factory::JobStore(_) => PluginKind::JobStore,
            Factory::Executor(_) => PluginKind::Executor,
            Factory::Scheduler => PluginKind::Scheduler,
        }
    }

    /// Returns the name for `type`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its name and its aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name()).chain(self.aliases.iter().copied())
    }

    /// Returns its Python class references.
    pub fn class_references(&self) -> &'static [&'static str] {
        self.classes
    }

    /// Returns its URL schemes.
    pub fn schemes(&self) -> &'static [&'static str] {
        self.url_schemes
    }

    /// Returns what it does, in a few words.
    pub fn about(&self) -> &'static str {
        self.summary
    }

    /// Returns the name of the crate that contains it; empty for one that was created at run time.
    pub fn crate_name(&self) -> &'static str {
        self.crate_name
    }

    /// Returns the version of that crate.
    pub fn crate_version(&self) -> &'static str {
        self.crate_version
    }

    /// Builds a trigger.
    ///
    /// # Errors
    /// Any error from the plugin; [`ErrorKind::UnknownPlugin`] if it is of another kind.
    pub fn build_trigger(
        &self,
        options: &Options,
        context: &TriggerContext<'_>,
    ) -> Result<Arc<dyn Trigger>> {
        match &self.factory {
            Factory::Trigger(build) => build(options, context),
            _ => Err(self.wrong_kind(PluginKind::Trigger)),
        }
    }

    /// Builds a job store, without starting it.
    ///
    /// # Errors
    /// Any error from the plugin; [`ErrorKind::UnknownPlugin`] if it is of another kind.
    pub fn build_job_store(&self, options: &Options) -> Result<Arc<dyn JobStore>> {
        match &self.factory {
            Factory::JobStore(build) => build(options),
            _ => Err(self.wrong_kind(PluginKind::JobStore)),
        }
    }

    /// Builds an executor, without starting it.
    ///
    /// # Errors
    /// Any error from the plugin; [`ErrorKind::UnknownPlugin`] if it is of another kind.
    pub fn build_executor(&self, options: &Options) -> Result<Arc<dyn Executor>> {
        match &self.factory {
            Factory::Executor(build) => build(options),
            _ => Err(self.wrong_kind(PluginKind::Executor)),
        }
    }

    fn wrong_kind(&self, wanted: PluginKind) -> Error {
        Error::new(
            ErrorKind::UnknownPlugin,
            format!("`{}` is the name of a {} plugin, not of a {wanted}", self.name, self.kind()),
        )
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("kind", &self.kind())
            .field("name", &self.name)
            .field("crate", &format_args!("{} {}", self.crate_name, self.crate_version))
            .finish_non_exhaustive()
    }
}

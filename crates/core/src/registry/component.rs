//! Stores and executors to add to a scheduler: objects, or names with options.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::{PluginKind, Registry};
use crate::executor::Executor;
use crate::options::{self, Options};
use crate::store::JobStore;
use crate::{Error, ErrorKind, Result};

/// A store or executor as data: the name of its plugin, and its options.
///
/// # Examples
/// ```
/// use apscheduler_core::registry::ComponentConfig;
///
/// let config = ComponentConfig::new("threadpool").option("max_workers", 20);
/// # let _ = config;
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct ComponentConfig {
    /// A plugin name, an alias, or a Python class reference.
    pub name: String,
    /// The options of the plugin.
    pub options: Options,
}

/// Without the values of options, one of which may be a URL with a password.
impl fmt::Debug for ComponentConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options: Vec<&String> = self.options.keys().collect();
        f.debug_struct("ComponentConfig")
            .field("name", &self.name)
            .field("options", &options)
            .finish()
    }
}

impl ComponentConfig {
    /// Creates a configuration without options.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), options: Options::new() }
    }

    /// Sets an option.
    pub fn option(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.options.insert(name.to_owned(), value.into());
        self
    }

    /// Reads a table with the key `type` or `class`; if both are given, `type` counts, as in APScheduler.
    ///
    /// `what` is named in errors, as `jobstores.default`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it is not a table or has neither key.
    pub fn from_value(what: &str, value: &Value) -> Result<Self> {
        let invalid = |message: String| Error::new(ErrorKind::Config, format!("{what}: {message}"));
        let Value::Object(map) = value else {
            let url = if is_url(value) { "; a URL belongs in `url` of that table" } else { "" };
            return Err(invalid(format!(
                "expected a table with `type` or `class` and options, found {}{url}",
                options::kind(value)
            )));
        };
        let mut options = map.clone();
        let class = options.shift_remove("class");
        let kind = options.shift_remove("type");
        match kind.or(class) {
            Some(Value::String(name)) => Ok(Self { name, options }),
            Some(other) => Err(invalid(format!(
                "`type` and `class` are text, found {}",
                options::kind(&other)
            ))),
            None => Err(invalid("either `type` or `class` must be given".to_owned())),
        }
    }
}

fn is_url(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("://"))
}

/// An object that exists, or the data to build it from.
#[derive(Debug)]
#[non_exhaustive]
pub enum ComponentSource<T: ?Sized> {
    /// An object that exists.
    Ready(Arc<T>),
    /// The data to build it from.
    Config(ComponentConfig),
}

// A derive would ask for `T: Clone`.
impl<T: ?Sized> Clone for ComponentSource<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Ready(object) => Self::Ready(Arc::clone(object)),
            Self::Config(config) => Self::Config(config.clone()),
        }
    }
}

impl ComponentSource<dyn JobStore> {
    /// Returns the object, or builds it.
    ///
    /// # Errors
    /// As [`Registry::build_job_store`].
    pub fn resolve(&self, registry: &Registry) -> Result<Arc<dyn JobStore>> {
        match self {
            Self::Ready(store) => Ok(Arc::clone(store)),
            Self::Config(config) => registry.build_job_store(&config.name, &config.options),
        }
    }
}

impl ComponentSource<dyn Executor> {
    /// Returns the object, or builds it.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownPlugin`]; any error from the plugin.
    pub fn resolve(&self, registry: &Registry) -> Result<Arc<dyn Executor>> {
        match self {
            Self::Ready(executor) => Ok(Arc::clone(executor)),
            Self::Config(config) => {
                registry.find(PluginKind::Executor, &config.name)?.build_executor(&config.options)
            }
        }
    }
}

/// Types that can be given as a job store: an object, a plugin name, or a name with options.
pub trait IntoJobStore {
    /// The common form.
    fn into_job_store(self) -> ComponentSource<dyn JobStore>;
}

/// Types that can be given as an executor: an object, a plugin name, or a name with options.
pub trait IntoExecutor {
    /// The common form.
    fn into_executor(self) -> ComponentSource<dyn Executor>;
}

macro_rules! component {
    ($trait:ident $method:ident $kind:ident) => {
        impl<T: $kind> $trait for T {
            fn $method(self) -> ComponentSource<dyn $kind> {
                ComponentSource::Ready(Arc::new(self))
            }
        }

        impl $trait for Arc<dyn $kind> {
            fn $method(self) -> ComponentSource<dyn $kind> {
                ComponentSource::Ready(self)
            }
        }

        impl $trait for ComponentSource<dyn $kind> {
            fn $method(self) -> ComponentSource<dyn $kind> {
                self
            }
        }

        impl $trait for ComponentConfig {
            fn $method(self) -> ComponentSource<dyn $kind> {
                ComponentSource::Config(self)
            }
        }

        impl $trait for &str {
            fn $method(self) -> ComponentSource<dyn $kind> {
                ComponentSource::Config(ComponentConfig::new(self))
            }
        }
    };
}

component!(IntoJobStore into_job_store JobStore);
component!(IntoExecutor into_executor Executor);

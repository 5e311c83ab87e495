//! Looks up plugins and functions by name.

mod absent;
mod component;
mod declared;
mod lookup;
mod plugin;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

pub use absent::AbsentPlugin;
pub use component::{ComponentConfig, ComponentSource, IntoExecutor, IntoJobStore};
pub use plugin::{Build, BuildExecutor, BuildJobStore, BuildTrigger, Plugin, PluginKind};

use crate::function::{Function, FunctionEntry, IntoFunction};
use crate::job::DeclaredJob;
use crate::options::Options;
use crate::store::JobStore;
use crate::{Error, ErrorKind, Result, suggestion};

/// A plugin that a crate adds to the default registry of every program that links it; see [`submit_plugin!`].
///
/// [`submit_plugin!`]: crate::submit_plugin
#[derive(Debug)]
pub struct PluginEntry(pub &'static Plugin);

inventory::collect!(PluginEntry);

/// Adds a `static` [`Plugin`] to [`Registry::linked`] in every program that links this crate.
///
/// The linker drops a crate that no source line names: the program needs a `use acme_store as _;`.
#[macro_export]
macro_rules! submit_plugin {
    ($plugin:path) => {
        $crate::inventory::submit! { $crate::registry::PluginEntry(&$plugin) }
    };
}

/// A set of plugins that a program is built with; the type parameter of schedulers.
///
/// It is what lets `BackgroundScheduler::new()` of the facade know the built-in plugins without linker magic.
pub trait PluginSet: 'static {
    /// The registry that new schedulers look names up in.
    fn registry() -> Registry;
}

/// The plugins and functions that a scheduler knows. A copy shares the same table.
///
/// # Examples
/// ```
/// use apscheduler_core::registry::{PluginKind, Registry};
///
/// let registry = Registry::empty();
/// registry.register(apscheduler_store_memory::PLUGIN.clone())?;
/// assert!(registry.find(PluginKind::JobStore, "memory").is_ok());
/// let error = registry.find(PluginKind::JobStore, "memry").unwrap_err();
/// assert_eq!(error.to_string(), "unknown job store `memry`; did you mean `memory`? known job stores: memory");
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Registry(Arc<RwLock<Tables>>);

#[derive(Default)]
struct Tables {
    plugins: Vec<Plugin>,
    absent: Vec<AbsentPlugin>,
    absent_functions: Vec<(&'static str, &'static str)>,
    functions: HashMap<Arc<str>, Arc<Function>>,
    declared: Vec<DeclaredJob>,
}

impl Registry {
    /// Creates an empty registry.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Creates a registry with the plugins and functions that linked crates submitted.
    ///
    /// If two submitted plugins have the same name, an error is logged and the first one is kept.
    pub fn linked() -> Self {
        let registry = Self::empty();
        registry.add_submitted();
        registry
    }

    /// Adds the plugins and functions that linked crates submitted. Logs an error for every name that is taken.
    pub fn add_submitted(&self) {
        for PluginEntry(plugin) in inventory::iter::<PluginEntry> {
            if let Err(error) = self.register((*plugin).clone()) {
                tracing::error!("{error}");
            }
        }
        for FunctionEntry(make) in inventory::iter::<FunctionEntry> {
            if let Err(error) = self.add_function(make()) {
                tracing::error!("{error}");
            }
        }
        for job in inventory::iter::<DeclaredJob> {
            self.declare(*job);
        }
    }

    /// Adds a plugin.
    ///
    /// Registering the same plugin again (same name from the same crate) changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateName`] that names both crates, if one of the names is taken.
    pub fn register(&self, plugin: Plugin) -> Result<()> {
        let mut tables = self.write();
        for known in tables.plugins.iter().filter(|known| known.kind() == plugin.kind()) {
            if let Some(name) =
                plugin.names().find(|name| known.names().any(|taken| taken == *name))
            {
                let same = known.name() == plugin.name()
                    && known.crate_name() == plugin.crate_name()
                    && known.crate_version() == plugin.crate_version()
                    && !plugin.crate_name().is_empty();
                if same {
                    return Ok(());
                }
                return Err(Error::new(
                    ErrorKind::DuplicateName,
                    format!(
                        "two {} plugins are named `{name}`: one from {}, one from {}",
                        plugin.kind(),
                        origin(known),
                        origin(&plugin)
                    ),
                ));
            }
        }
        tables.plugins.push(plugin);
        Ok(())
    }

    /// Registers a plugin that is not linked in, with what to do to get it.
    pub fn register_absent(&self, absent: AbsentPlugin) {
        self.write().absent.push(absent);
    }

    /// Registers the name of a function that is not linked in, with what to do to get it.
    pub fn register_absent_function(&self, name: &'static str, remedy: &'static str) {
        self.write().absent_functions.push((name, remedy));
    }

    /// Registers a function under a stable name, which jobs in stores and config files use.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateName`] if the name is taken.
    ///
    /// # Examples
    /// ```
    /// use apscheduler_core::registry::Registry;
    ///
    /// let registry = Registry::linked();
    /// registry.register_function("shop::orders::ship", |order: u64, express: bool| {
    ///     format!("order {order}, express: {express}")
    /// })?;
    /// # Ok::<(), apscheduler_core::Error>(())
    /// ```
    pub fn register_function<M>(&self, name: &str, function: impl IntoFunction<M>) -> Result<()> {
        self.add_function(function.into_function(name))
    }

    /// Registers an existing [`Function`], with its aliases.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateName`] if one of its names is taken.
    pub fn add_function(&self, function: Function) -> Result<()> {
        let mut tables = self.write();
        if let Some(taken) = function.names().find(|name| tables.functions.contains_key(*name)) {
            return Err(Error::new(
                ErrorKind::DuplicateName,
                format!("two functions are named `{taken}`; give one of them another name"),
            ));
        }
        let function = Arc::new(function);
        for name in function.names() {
            tables.functions.insert(name.into(), Arc::clone(&function));
        }
        Ok(())
    }

    /// Returns the function with this name or alias.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFunction`] with the nearest name.
    pub fn function(&self, name: &str) -> Result<Arc<Function>> {
        let tables = self.read();
        if let Some(function) = tables.functions.get(name) {
            return Ok(Arc::clone(function));
        }
        if let Some(path) = path_of_reference(name)
            && let Some(function) = tables.functions.get(path.as_str())
        {
            return Ok(Arc::clone(function));
        }
        let absent = tables.absent_functions.iter().find(|(absent, _)| *absent == name);
        let message = if let Some((_, remedy)) = absent {
            format!("the function `{name}` is not linked in; {remedy}")
        } else {
            let known = tables.functions.keys().map(|name| &**name);
            let hint = suggestion::hint(name, "registered functions", known);
            format!("no function is registered as `{name}`{hint}")
        };
        Err(Error::new(ErrorKind::UnknownFunction, message))
    }

    /// Returns whether a function has this name or alias.
    pub fn has_function(&self, name: &str) -> bool {
        self.read().functions.contains_key(name)
    }

    /// Returns the names of all functions, sorted.
    pub fn function_names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.read().functions.keys().map(|name| (**name).to_owned()).collect();
        names.sort_unstable();
        names
    }

    /// Returns all plugins, sorted by kind and name.
    pub fn plugins(&self) -> Vec<Plugin> {
        let mut plugins = self.read().plugins.clone();
        plugins
            .sort_by(|left, right| (left.kind(), left.name()).cmp(&(right.kind(), right.name())));
        plugins
    }

    /// Returns the plugin with this name or alias, or with this class reference if `name` has the form
    /// `package.module:Class`.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownPlugin`] with the known names, the nearest one, and what to do to get it.
    pub fn find(&self, kind: PluginKind, name: &str) -> Result<Plugin> {
        let tables = self.read();
        let of_kind = || tables.plugins.iter().filter(|plugin| plugin.kind() == kind);
        let by_class = name.contains(':') && !name.contains("://");
        let found = if by_class {
            of_kind().find(|plugin| plugin.class_references().contains(&name))
        } else {
            of_kind().find(|plugin| plugin.names().any(|known| known == name))
        };
        if let Some(plugin) = found {
            return Ok(plugin.clone());
        }
        let absent = tables.absent.iter().filter(|absent| absent.kind == kind).find(|absent| {
            if by_class { absent.classes.contains(&name) } else { absent.names.contains(&name) }
        });
        let known = of_kind().flat_map(|plugin| {
            if by_class { plugin.class_references().to_vec() } else { plugin.names().collect() }
        });
        let label = kind.label();
        let (bare, shown) = match name.split_once("://") {
            None => (name, format!("`{name}`")),
            // The rest is not shown: it may contain a password.
            Some((scheme, _)) => (
                scheme,
                format!("`{scheme}://...`: this is a URL, which belongs in the option `url`"),
            ),
        };
        let message = match absent {
            Some(absent) => {
                let known: Vec<&str> = of_kind().map(Plugin::name).collect();
                format!(
                    "{label} `{name}` is not linked in; {}; linked in: {}",
                    absent.remedy,
                    sorted(known)
                )
            }
            None => format!(
                "unknown {label} {shown}{}",
                suggestion::hint(bare, &format!("known {label}s"), known)
            ),
        };
        Err(Error::new(ErrorKind::UnknownPlugin, message))
    }

    /// Returns the job store plugin for URLs with this scheme; a driver suffix (`postgresql+psycopg2`) is ignored.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownPlugin`] with the known schemes.
    pub fn find_by_scheme(&self, scheme: &str) -> Result<Plugin> {
        let bare = scheme.split('+').next().unwrap_or(scheme);
        let tables = self.read();
        if let Some(plugin) = tables.plugins.iter().find(|plugin| plugin.schemes().contains(&bare))
        {
            return Ok(plugin.clone());
        }
        let known = tables.plugins.iter().flat_map(|plugin| plugin.schemes().iter().copied());
        let absent = tables.absent.iter().find(|absent| absent.url_schemes.contains(&bare));
        let message = match absent {
            Some(absent) => {
                format!("no job store for `{bare}:` URLs is linked in; {}", absent.remedy)
            }
            None => {
                format!(
                    "no job store takes `{bare}:` URLs{}",
                    suggestion::hint(bare, "known URL schemes", known)
                )
            }
        };
        Err(Error::new(ErrorKind::UnknownPlugin, message))
    }

    /// Builds a job store from `type` or `class` and options. `sqlalchemy` means the store for the scheme of `url`.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownPlugin`]; any error from the plugin.
    pub fn build_job_store(&self, name: &str, options: &Options) -> Result<Arc<dyn JobStore>> {
        const SQLALCHEMY: [&str; 2] =
            ["sqlalchemy", "apscheduler.jobstores.sqlalchemy:SQLAlchemyJobStore"];
        if !SQLALCHEMY.contains(&name) {
            return self.find(PluginKind::JobStore, name)?.build_job_store(options);
        }
        let url = options.get("url").and_then(|url| url.as_str()).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "job store `sqlalchemy`: needs `url`, such as `sqlite:///jobs.sqlite`",
            )
        })?;
        let (scheme, _) = url.split_once(':').ok_or_else(|| {
            // The text is not shown: it may contain a password.
            Error::new(
                ErrorKind::Config,
                "job store `sqlalchemy`: `url` has no scheme, unlike `sqlite:///jobs.sqlite`",
            )
        })?;
        self.find_by_scheme(scheme)?.build_job_store(options)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Tables> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Tables> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.read();
        f.debug_struct("Registry")
            .field("plugins", &tables.plugins.len())
            .field("functions", &tables.functions.len())
            .finish_non_exhaustive()
    }
}

fn sorted(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    names.join(", ")
}

fn origin(plugin: &Plugin) -> String {
    match plugin.crate_name() {
        "" => "this program".to_owned(),
        name => format!("the crate `{name}` {}", plugin.crate_version()),
    }
}

/// Returns the Rust path for a reference in Python's form: `shop.orders:ship` is `shop::orders::ship`.
fn path_of_reference(name: &str) -> Option<String> {
    let (module, item) = name.rsplit_once(':')?;
    let path = || format!("{}::{}", module.replace('.', "::"), item.replace('.', "::"));
    (!module.ends_with(':')).then(path)
}

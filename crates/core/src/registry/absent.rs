//! Plugins that are not linked in.

use super::PluginKind;

/// A plugin that is not linked in but could be. It makes the error more helpful when a config asks for it.
///
/// # Examples
/// ```
/// use apscheduler_core::registry::{AbsentPlugin, PluginKind, Registry};
///
/// static ABSENT: AbsentPlugin = AbsentPlugin::new(PluginKind::JobStore, &["acme"], "depend on the crate `acme-store`");
///
/// let registry = Registry::empty();
/// registry.register_absent(ABSENT);
/// let error = registry.find(PluginKind::JobStore, "acme").unwrap_err();
/// assert!(error.to_string().contains("depend on the crate `acme-store`"));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AbsentPlugin {
    /// The kind of component.
    pub kind: PluginKind,
    /// Its name and its aliases.
    pub names: &'static [&'static str],
    /// Its Python class references.
    pub classes: &'static [&'static str],
    /// Its URL schemes.
    pub url_schemes: &'static [&'static str],
    /// What to do to get it: ``enable the feature `store-redis` of the crate `apscheduler` ``.
    pub remedy: &'static str,
}

impl AbsentPlugin {
    /// Creates a plugin with these names and without class references and URL schemes.
    pub const fn new(
        kind: PluginKind,
        names: &'static [&'static str],
        remedy: &'static str,
    ) -> Self {
        Self { kind, names, classes: &[], url_schemes: &[], remedy }
    }

    /// Sets the Python class references.
    pub const fn classes(mut self, classes: &'static [&'static str]) -> Self {
        self.classes = classes;
        self
    }

    /// Sets the schemes of the URLs that the job store connects to.
    pub const fn url_schemes(mut self, schemes: &'static [&'static str]) -> Self {
        self.url_schemes = schemes;
        self
    }
}

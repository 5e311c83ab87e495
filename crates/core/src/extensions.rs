//! Values that an application shares with its jobs, by type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Values of the application that jobs look up by type, such as a connection pool or a configuration. Clones share them.
///
/// # Examples
/// ```
/// use apscheduler_core::Extensions;
///
/// let extensions = Extensions::default();
/// extensions.insert(String::from("a setting"));
/// assert_eq!(extensions.get::<String>().as_deref().map(String::as_str), Some("a setting"));
/// assert!(extensions.get::<u8>().is_none());
/// ```
#[derive(Clone, Default)]
pub struct Extensions(Arc<RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>);

impl Extensions {
    /// Inserts a value. It replaces an earlier value of the same type.
    pub fn insert<T: Any + Send + Sync>(&self, value: T) {
        let value: Arc<dyn Any + Send + Sync> = Arc::new(value);
        let before = {
            let mut values = self.0.write().unwrap_or_else(PoisonError::into_inner);
            values.insert(TypeId::of::<T>(), value)
        };
        // Dropped without the lock: it runs foreign code.
        drop(before);
    }

    /// Returns the value of this type.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let values = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let value = Arc::clone(values.get(&TypeId::of::<T>())?);
        value.downcast().ok()
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Extensions").field("values", &values.len()).finish()
    }
}

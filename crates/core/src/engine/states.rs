//! What the application hands to its jobs, by type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::Scheduler;

/// Values of the application that jobs ask for by type: a pool of connections, a configuration. Clones share them.
///
/// # Examples
/// ```
/// use apscheduler_core::States;
///
/// let states = States::default();
/// states.insert(String::from("a setting"));
/// assert_eq!(states.get::<String>().as_deref().map(String::as_str), Some("a setting"));
/// assert!(states.get::<u8>().is_none());
/// ```
#[derive(Clone, Default)]
pub struct States(Arc<RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>);

impl States {
    /// Puts a value in place of the one of the same type.
    pub fn insert<T: Any + Send + Sync>(&self, value: T) {
        let value: Arc<dyn Any + Send + Sync> = Arc::new(value);
        let before = {
            let mut values = self.0.write().unwrap_or_else(PoisonError::into_inner);
            values.insert(TypeId::of::<T>(), value)
        };
        // It is foreign, so it goes without the lock.
        drop(before);
    }

    /// The value of this type.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let values = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let value = Arc::clone(values.get(&TypeId::of::<T>())?);
        value.downcast().ok()
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("States").field("values", &values.len()).finish()
    }
}

impl Scheduler {
    /// Hands a value to the jobs of this scheduler, in place of the one of the same type.
    ///
    /// # Examples
    /// ```
    /// use apscheduler_core::function::JobContext;
    /// use apscheduler_core::job::JobBuilder;
    /// use apscheduler_core::schedulers::BackgroundScheduler;
    ///
    /// struct Greeting(&'static str);
    ///
    /// let scheduler: BackgroundScheduler = BackgroundScheduler::new();
    /// scheduler.insert_state(Greeting("hello"));
    /// scheduler.add_job(JobBuilder::new(|context: &JobContext| {
    ///     context.state::<Greeting>().map(|greeting| greeting.0)
    /// }))?;
    /// # Ok::<(), apscheduler_core::Error>(())
    /// ```
    pub fn insert_state<T: Any + Send + Sync>(&self, value: T) {
        self.0.states.insert(value);
    }

    /// The value of this type that was handed to the jobs.
    pub fn state_of<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.states.get()
    }
}

//! Values that an application provides to its jobs.

use std::any::Any;
use std::sync::Arc;

use super::scheduler::Scheduler;

impl Scheduler {
    /// Provides a value to the jobs of this scheduler. It replaces an earlier value of the same
    /// type.
    ///
    /// # Examples
    /// ```
    /// use apscheduler::prelude::*;
    ///
    /// struct Greeting(&'static str);
    ///
    /// let scheduler = BackgroundScheduler::new();
    /// scheduler.insert_extension(Greeting("hello"));
    /// scheduler.add_job(JobBuilder::new(|context: &JobContext| {
    ///     context.extension::<Greeting>().map(|greeting| greeting.0)
    /// }))?;
    /// # Ok::<(), apscheduler::Error>(())
    /// ```
    pub fn insert_extension<T: Any + Send + Sync>(&self, value: T) {
        self.0.extensions.insert(value);
    }

    /// Returns the provided value of this type.
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.extensions.get()
    }
}

//! Values that an application hands to its jobs.

use std::any::Any;
use std::sync::Arc;

use super::Scheduler;

impl Scheduler {
    /// Hands a value to the jobs of this scheduler, in place of the one of the same type.
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

    /// The value of this type that was handed to the jobs.
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.extensions.get()
    }
}

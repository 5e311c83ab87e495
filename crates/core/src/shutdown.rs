//! Whether a shutdown waits.

/// What a shutdown does about jobs that are running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shutdown {
    /// It returns when they have ended. The default, as in APScheduler.
    #[default]
    Wait,
    /// It returns at once: what has not started is dropped, and what runs is asked to end.
    Now,
}

/// What happens to a job store or an executor that is removed from its scheduler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRemove {
    /// It is shut down; an executor first finishes its jobs. The default, as in APScheduler.
    #[default]
    ShutDown,
    /// It is released as it is, for whoever has another reference to it.
    Keep,
}

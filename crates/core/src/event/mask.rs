//! The codes of events, and masks of them.

use bitflags::bitflags;

bitflags! {
    /// Which events a listener wants; the numbers are APScheduler's, those from 2^17 on are ours.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct EventMask: u32 {
        /// The scheduler was started.
        const SCHEDULER_STARTED = 1 << 0;
        /// The scheduler was shut down.
        const SCHEDULER_SHUTDOWN = 1 << 1;
        /// Job processing was paused.
        const SCHEDULER_PAUSED = 1 << 2;
        /// Job processing was resumed.
        const SCHEDULER_RESUMED = 1 << 3;
        /// An executor was added.
        const EXECUTOR_ADDED = 1 << 4;
        /// An executor was removed.
        const EXECUTOR_REMOVED = 1 << 5;
        /// A job store was added.
        const JOBSTORE_ADDED = 1 << 6;
        /// A job store was removed.
        const JOBSTORE_REMOVED = 1 << 7;
        /// All jobs of one store, or of all stores, were removed.
        const ALL_JOBS_REMOVED = 1 << 8;
        /// A job was added to a store.
        const JOB_ADDED = 1 << 9;
        /// A job was removed from its store.
        const JOB_REMOVED = 1 << 10;
        /// A job was modified, paused, resumed or rescheduled by a call.
        const JOB_MODIFIED = 1 << 11;
        /// A run succeeded.
        const JOB_EXECUTED = 1 << 12;
        /// A run ended with an error or a panic.
        const JOB_ERROR = 1 << 13;
        /// A run would have started too late.
        const JOB_MISSED = 1 << 14;
        /// A job was handed to its executor.
        const JOB_SUBMITTED = 1 << 15;
        /// A run was skipped: the job has as many instances as it may have.
        const JOB_MAX_INSTANCES = 1 << 16;
        /// A store failed; it is tried again. (Not in APScheduler.)
        const JOBSTORE_ERROR = 1 << 17;
        /// A store that had failed works again. (Not in APScheduler.)
        const JOBSTORE_RECOVERED = 1 << 18;
        /// A record can't be restored; it was set aside. (Not in APScheduler.)
        const JOB_BROKEN = 1 << 19;
        /// A record that had been set aside was restored. (Not in APScheduler.)
        const JOB_RESTORED = 1 << 20;
        /// The jobs of a store were emptied, restored or replaced. (Not in APScheduler.)
        const JOBSTORE_REPLACED = 1 << 21;
        /// The function of a job is about to be called. (Not in APScheduler.)
        const JOB_STARTED = 1 << 22;
        /// A run of another scheduler is lost: that scheduler has died. (Not in APScheduler.)
        const JOB_LOST = 1 << 23;
        /// The outcome of a run was refused, because the run had been given up: its scheduler was found dead. (Not in
        /// APScheduler.)
        const RUN_FENCED = 1 << 24;
        /// A run has not succeeded within the deadline of its job. (Not in APScheduler.)
        const JOB_OVERDUE = 1 << 25;
        /// Records of runs can't be written; they wait in memory. (Not in APScheduler.)
        const LEDGER_ERROR = 1 << 26;
        /// Records of runs are written again. (Not in APScheduler.)
        const LEDGER_RECOVERED = 1 << 27;
        /// All of them.
        const ALL = (1 << 28) - 1;
    }
}

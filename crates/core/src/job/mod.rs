//! Jobs: what runs, when, and how.

mod builder;
mod changes;
mod declared;
mod handle;
mod spec;
mod state;
mod table;

pub use builder::JobBuilder;
pub(crate) use builder::PendingJob;
pub use changes::JobChanges;
pub use declared::DeclaredJob;
pub use handle::{Job, NextRunTime};
pub(crate) use spec::validate_id;
pub use spec::{JobDefaults, JobOrigin, JobSpec};
pub use state::STATE_VERSION;
pub(crate) use state::{Parts, broken_origin, decode, encode, encode_value, executor_of, repair};

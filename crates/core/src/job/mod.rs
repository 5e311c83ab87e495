//! Jobs: what runs, when, and how.

mod builder;
mod changes;
mod declared;
mod key;
mod spec;
pub mod stored;
mod table;

pub use builder::{JobBuilder, PendingJob};
pub use changes::JobChanges;
pub use declared::DeclaredJob;
pub use key::JobKey;
pub use spec::{JobDefaults, JobOrigin, JobSpec, validate_id};
pub use stored::STATE_VERSION;

//! Definitions of jobs, and their stored form.

mod builder;
mod changes;
mod declared;
mod defaults;
mod fields;
mod grace_time;
mod immediate;
mod key;
mod origin;
mod pause;
mod policies;
mod spec;
pub mod stored;
mod table;

pub use builder::{JobBuilder, PendingJob};
pub use changes::JobChanges;
pub use declared::DeclaredJob;
pub use defaults::JobDefaults;
pub use key::JobKey;
pub use origin::JobOrigin;
pub use pause::{Pause, Paused};
pub use policies::{
    Coalesce, OnCrash, OnResume, Overlap, OverlapScope, Policies, PolicyOptions, Retry, RetryOn,
};
pub use spec::{JobSpec, validate_id};
pub use stored::STATE_VERSION;

//! The zone of a scheduler and its origin.

use std::sync::Arc;

use apscheduler_core::time::{LocalZone, Zone};
use apscheduler_core::{Error, ErrorKind, Result};

/// The default zone of triggers and text dates.
#[derive(Clone, Debug)]
pub(super) enum SchedulerZone {
    Configured(Zone),
    Local(Arc<LocalZone>),
    /// No zone was configured, and the machine's zone can't be determined, for this reason.
    Unknown(Arc<str>),
}

impl SchedulerZone {
    /// Returns the zone of this machine.
    pub(super) fn local() -> Self {
        match LocalZone::find() {
            Ok(local) => Self::Local(Arc::new(local)),
            Err(error) => Self::Unknown(error.to_string().into()),
        }
    }

    pub(super) fn zone(&self) -> Zone {
        match self {
            Self::Configured(zone) => *zone,
            Self::Local(local) => local.zone(),
            // A scheduler with this zone does not start.
            Self::Unknown(_) => Zone::UTC,
        }
    }

    /// Returns an error if the zone is unknown.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Unknown(why) => Err(Error::new(ErrorKind::Config, why.to_string())),
            Self::Configured(_) | Self::Local(_) => Ok(()),
        }
    }

    /// Logs the zone.
    pub(super) fn log(&self) {
        match self {
            Self::Configured(zone) => tracing::info!("time zone: {zone} (from the configuration)"),
            Self::Local(local) => {
                tracing::info!("time zone: {local}");
                if let Some(warning) = local.warning() {
                    tracing::warn!("{warning}");
                }
            }
            Self::Unknown(_) => {}
        }
    }
}

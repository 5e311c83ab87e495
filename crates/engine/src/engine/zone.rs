//! The zone of a scheduler, and where it came from.

use std::sync::Arc;

use apscheduler_core::time::{LocalZone, Zone};
use apscheduler_core::{Error, ErrorKind, Result};

/// The zone of triggers and text dates that name none.
#[derive(Clone, Debug)]
pub(super) enum SchedulerZone {
    Configured(Zone),
    Local(Arc<LocalZone>),
    /// Nobody named a zone, and that of the machine can't be told: why.
    Unknown(Arc<str>),
}

impl SchedulerZone {
    /// The zone of this machine.
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

    /// Refuses a zone that is not known.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Unknown(why) => Err(Error::new(ErrorKind::Config, why.to_string())),
            Self::Configured(_) | Self::Local(_) => Ok(()),
        }
    }

    /// Tells the log which zone it is.
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

//! Instants in options: text that is read in a zone, or instants that code gave.

use apscheduler_core::Result;
use apscheduler_core::time::{Timestamp, Zone, parse_datetime};
use chrono::{DateTime, SubsecRound as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant, or text that becomes one when its zone is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InstantOption {
    Text(String),
    Instant(Timestamp),
}

impl InstantOption {
    /// Returns the instant and the zone that it was given in.
    ///
    /// An offset that equals the zone's own at that instant does not count as another zone.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option, if the text is not a date.
    pub(crate) fn resolve(&self, option: &str, zone: Zone) -> Result<(Timestamp, Zone)> {
        match self {
            Self::Instant(instant) => Ok((*instant, zone)),
            Self::Text(text) => {
                let (instant, given) =
                    parse_datetime(text, zone).map_err(|error| error.with_context(option))?;
                let same = given.offset_at(instant) == zone.offset_at(instant);
                Ok((instant, if same { zone } else { given }))
            }
        }
    }
}

impl InstantOption {
    /// Returns the option that stores keep for an instant in this zone.
    pub(crate) fn stored(instant: Timestamp, zone: Zone) -> Self {
        Self::Text(text(instant, zone))
    }
}

impl From<Timestamp> for InstantOption {
    fn from(instant: Timestamp) -> Self {
        Self::Instant(storable(instant))
    }
}

impl Serialize for InstantOption {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Instant(instant) => serializer.serialize_str(&Zone::UTC.iso(*instant)),
        }
    }
}

impl<'de> Deserialize<'de> for InstantOption {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::Text)
    }
}

/// Returns the zone of the machine, in which instants given by code are shown; UTC if it is not known. That changes no
/// instant, and a scheduler without a zone does not start.
pub(crate) fn machine_zone() -> Zone {
    Zone::local().unwrap_or(Zone::UTC)
}

/// Returns the nearest instant that text can hold in every zone: in whole microseconds, in the years 1 to 9999.
pub(crate) fn storable(instant: Timestamp) -> Timestamp {
    const EARLIEST: Timestamp = DateTime::from_timestamp(-62_135_510_400, 0).unwrap(); // 0001-01-02
    const LATEST: Timestamp = DateTime::from_timestamp(253_402_214_400, 0).unwrap(); // 9999-12-31
    instant.trunc_subsecs(6).clamp(EARLIEST, LATEST)
}

/// Returns the text that [`InstantOption::resolve`] reads as this instant in this zone.
fn text(instant: Timestamp, zone: Zone) -> String {
    // Before standard time, zones had offsets with seconds, which text can't hold.
    let whole_minutes = zone.offset_at(instant).local_minus_utc() % 60 == 0;
    if whole_minutes { zone.iso(instant) } else { Zone::UTC.iso(instant) }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::ErrorKind;

    use super::*;

    fn resolve(text: &str, zone: Zone) -> Result<(Timestamp, Zone)> {
        InstantOption::Text(text.to_owned()).resolve("start_date", zone)
    }

    #[test]
    fn text_round_trips_to_the_same_instant() {
        let zones: [Zone; 3] =
            ["Europe/Berlin", "Australia/Lord_Howe", "+05:30"].map(|name| name.parse().unwrap());
        for zone in zones {
            for micros in
                [-2_500_000_000_000_000, 0, 25, 1_414_285_200_000_000, 1_414_287_000_250_000]
            {
                let instant = DateTime::from_timestamp_micros(micros).unwrap();
                assert_eq!(
                    resolve(&text(instant, zone), zone).unwrap().0,
                    instant,
                    "{zone} {micros}"
                );
            }
        }
    }

    #[test]
    fn instants_that_text_cannot_hold_are_clamped() {
        for name in ["Pacific/Kiritimati", "Etc/GMT+12"] {
            let zone: Zone = name.parse().unwrap();
            for extreme in [Timestamp::MIN_UTC, Timestamp::MAX_UTC] {
                let instant = storable(extreme);
                assert_eq!(resolve(&text(instant, zone), zone).unwrap().0, instant);
            }
        }
    }

    #[test]
    fn the_offset_of_the_text_replaces_the_zone_if_it_differs() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        assert_eq!(resolve("2009-07-06 00:00:00", berlin).unwrap().1, berlin);
        assert_eq!(resolve("2009-07-06 00:00:00+02:00", berlin).unwrap().1, berlin);
        assert_eq!(resolve("2009-07-06 00:00:00+01:00", berlin).unwrap().1.to_string(), "+01:00");
    }

    #[test]
    fn an_error_names_the_option() {
        let error = resolve("tomorrow", Zone::UTC).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with("start_date: invalid date `tomorrow`"), "{error}");
    }
}

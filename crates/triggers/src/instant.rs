//! Instants in options: text whose meaning depends on the zone, or instants that code gave.

use apscheduler_core::Result;
use apscheduler_core::time::{Timestamp, Zone, parse_datetime};
use apscheduler_core::trigger::TriggerConfig;
use chrono::{DateTime, SubsecRound as _};
use serde::{Deserialize, Deserializer};

/// An instant, maybe before the zone is known that its text is to be read in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InstantOption {
    Text(String),
    Instant(Timestamp),
}

impl InstantOption {
    /// The instant, and the zone that it was given in.
    ///
    /// An offset that is the zone's own at that instant does not count as another zone.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option, where the text is no date.
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

impl From<Timestamp> for InstantOption {
    fn from(instant: Timestamp) -> Self {
        Self::Instant(storable(instant))
    }
}

impl<'de> Deserialize<'de> for InstantOption {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::Text)
    }
}

/// The zone that instants given by code are shown in: that of the machine. Where that can't be told it is UTC: it changes no
/// instant, and a scheduler without a zone does not start.
pub(crate) fn shown_in() -> Zone {
    Zone::local().unwrap_or(Zone::UTC)
}

/// Notes that the start was not given, but taken from the clock when the trigger was made: the option `from_clock`.
pub(crate) fn mark_from_clock(config: TriggerConfig, from_clock: bool) -> TriggerConfig {
    if from_clock { config.option("from_clock", true) } else { config }
}

/// The nearest instant that text can carry in every zone: in whole microseconds, in the years 1 to 9999.
pub(crate) fn storable(instant: Timestamp) -> Timestamp {
    const EARLIEST: Timestamp = DateTime::from_timestamp(-62_135_510_400, 0).unwrap(); // 0001-01-02
    const LATEST: Timestamp = DateTime::from_timestamp(253_402_214_400, 0).unwrap(); // 9999-12-31
    instant.trunc_subsecs(6).clamp(EARLIEST, LATEST)
}

/// The text that [`InstantOption::resolve`] reads as this instant in this zone.
pub(crate) fn text(instant: Timestamp, zone: Zone) -> String {
    // Before standard time, zones had offsets with seconds, which text can't carry.
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
    fn text_is_read_back_as_the_same_instant() {
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
    fn what_text_cannot_carry_is_moved_to_the_edge() {
        for name in ["Pacific/Kiritimati", "Etc/GMT+12"] {
            let zone: Zone = name.parse().unwrap();
            for extreme in [Timestamp::MIN_UTC, Timestamp::MAX_UTC] {
                let instant = storable(extreme);
                assert_eq!(resolve(&text(instant, zone), zone).unwrap().0, instant);
            }
        }
    }

    #[test]
    fn the_zone_of_the_text_wins_unless_it_is_the_same() {
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

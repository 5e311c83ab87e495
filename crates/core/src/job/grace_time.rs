//! `misfire_grace_time`: how late a run may start, kept as whole seconds.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};

use crate::options::{Seconds, number_text};

/// Returns the whole seconds of a grace time.
///
/// # Errors
/// A message if it is not a positive number of whole seconds.
#[inline]
pub(super) fn whole_seconds(time: Option<Duration>) -> Result<Option<u32>, String> {
    let Some(time) = time else {
        return Ok(None);
    };
    let seconds = u32::try_from(time.as_secs()).ok();
    match seconds.filter(|seconds| *seconds > 0 && time.subsec_nanos() == 0) {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(format!(
            "`misfire_grace_time` must be a positive number of whole seconds, found {}; none means no limit",
            number_text(time.as_secs_f64())
        )),
    }
}

/// Reads a number of seconds, text such as `"1h 30m"`, or null for however late.
pub(super) fn deserialize<'de, D>(deserializer: D) -> Result<Option<Duration>, D::Error>
where
    D: Deserializer<'de>,
{
    let seconds = Option::<Seconds>::deserialize(deserializer)?;
    let duration = |Seconds(seconds)| {
        Duration::try_from_secs_f64(seconds).map_err(|_| {
            let found = number_text(seconds);
            D::Error::custom(format!("expected a positive number of whole seconds, found {found}"))
        })
    };
    seconds.map(duration).transpose()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::JobDefaults;
    use super::*;
    use crate::options::parse_value;

    #[test]
    fn only_positive_whole_seconds_are_accepted() {
        let seconds = |millis| whole_seconds(Some(Duration::from_millis(millis)));
        assert_eq!((whole_seconds(None), seconds(3000)), (Ok(None), Ok(Some(3))));
        for (millis, found) in [(0, "0"), (1500, "1.5")] {
            let message = format!(
                "`misfire_grace_time` must be a positive number of whole seconds, found {found}; none means no limit"
            );
            assert_eq!(seconds(millis), Err(message));
        }
        assert!(whole_seconds(Some(Duration::MAX)).is_err());
    }

    #[test]
    fn numbers_and_text_with_units_are_parsed() {
        let read = |value: Value| {
            let defaults = json!({"misfire_grace_time": value});
            parse_value::<JobDefaults>("job_defaults", &defaults).unwrap().misfire_grace_time
        };
        assert_eq!(read(json!(30)), Some(Duration::from_secs(30)));
        assert_eq!(read(json!("30")), Some(Duration::from_secs(30)));
        assert_eq!(read(json!("1h 30m")), Some(Duration::from_mins(90)));
        assert_eq!((read(json!(null)), read(json!("none"))), (None, None));
    }
}

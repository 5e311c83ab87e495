//! The options of the trigger, as in configs and stores.

use std::fmt;

use apscheduler_core::time::Zone;
use apscheduler_core::{Error, ErrorKind};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::field::Field;
use crate::instant::InstantOption;
use crate::jitter::Jitter;

pub(super) const WHAT: &str = "trigger `cron`";

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct CronOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) year: Option<FieldText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) month: Option<FieldText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) day: Option<FieldText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) week: Option<FieldText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) day_of_week: Option<FieldText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hour: Option<FieldText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) minute: Option<FieldText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) second: Option<FieldText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crontab: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_date: Option<InstantOption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_date: Option<InstantOption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timezone: Option<Zone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jitter: Option<Jitter>,
}

impl CronOptions {
    pub(super) fn field(&self, field: Field) -> Option<&str> {
        let text = match field {
            Field::Year => &self.year,
            Field::Month => &self.month,
            Field::Day => &self.day,
            Field::Week => &self.week,
            Field::DayOfWeek => &self.day_of_week,
            Field::Hour => &self.hour,
            Field::Minute => &self.minute,
            Field::Second => &self.second,
        };
        text.as_ref().map(|FieldText(text)| text.as_str())
    }

    pub(super) fn set(&mut self, field: Field, expressions: &str) {
        let text = match field {
            Field::Year => &mut self.year,
            Field::Month => &mut self.month,
            Field::Day => &mut self.day,
            Field::Week => &mut self.week,
            Field::DayOfWeek => &mut self.day_of_week,
            Field::Hour => &mut self.hour,
            Field::Minute => &mut self.minute,
            Field::Second => &mut self.second,
        };
        *text = Some(FieldText(expressions.to_owned()));
    }

    /// Replaces `crontab` by the fields of the line.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`] if fields are given too, or the line has another number of fields.
    pub(super) fn read_crontab(&mut self) -> Result<(), Error> {
        let Some(line) = self.crontab.take() else {
            return Ok(());
        };
        let invalid = |message: String| {
            Err(Error::new(ErrorKind::InvalidTrigger, format!("crontab: {message}")))
        };
        if let Some(field) = Field::ALL.into_iter().find(|field| self.field(*field).is_some()) {
            return invalid(format!("can't be given together with `{}`", field.name()));
        }
        let parts: Vec<&str> = line.split_whitespace().collect();
        let [minute, hour, day, month, day_of_week] = parts[..] else {
            let count = parts.len();
            return invalid(format!(
                "`{line}` has {count} fields; expected 5: minute, hour, day of the month, month, day of the week"
            ));
        };
        self.set(Field::Minute, minute);
        self.set(Field::Hour, hour);
        self.set(Field::Day, day);
        self.set(Field::Month, month);
        self.set(Field::DayOfWeek, day_of_week);
        Ok(())
    }
}

/// The expressions of a field as they were given: text, or a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct FieldText(pub(super) String);

impl<'de> Deserialize<'de> for FieldText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = FieldText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or text")
            }

            fn visit_i64<E>(self, number: i64) -> Result<FieldText, E> {
                Ok(FieldText(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<FieldText, E> {
                Ok(FieldText(number.to_string()))
            }

            fn visit_str<E>(self, text: &str) -> Result<FieldText, E> {
                Ok(FieldText(text.to_owned()))
            }
        }

        deserializer.deserialize_any(Text)
    }
}

/// Returns the error for names that other schedulers use for fields, and whose nearest known name means something else.
pub(super) fn misnamed(key: &str) -> Option<Error> {
    let field = match key.to_ascii_lowercase().as_str() {
        "weekday" | "weekdays" | "week_day" | "wday" | "dow" => Field::DayOfWeek,
        "day_of_month" | "monthday" | "mday" | "dom" | "date" => Field::Day,
        "min" | "mins" => Field::Minute,
        "sec" | "secs" => Field::Second,
        _ => return None,
    };
    let name = field.name();
    let message = format!(
        "{WHAT}: unknown option `{key}`; did you mean `{name}`? It takes {}",
        field.forms()
    );
    Some(Error::new(ErrorKind::Config, message))
}

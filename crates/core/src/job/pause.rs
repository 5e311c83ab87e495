//! Pauses of a job.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How to pause a job: until when, why, and on whose behalf.
///
/// # Examples
/// ```
/// use apscheduler_core::job::Pause;
///
/// let pause = Pause::new().note("the disk is full").until("2027-01-01T12:00:00Z".parse().ok());
/// assert!(pause.until.is_some());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "give it to `Scheduler::pause_job_with`"]
#[non_exhaustive]
pub struct Pause {
    /// Why. It is kept with the job.
    pub note: Option<String>,
    /// When it ends. `None`: when the job is resumed.
    pub until: Option<Timestamp>,
    /// Who pauses the job. `None`: who the handle to the scheduler names, or the program.
    pub actor: Option<String>,
}

impl Pause {
    /// A pause without a note, until the job is resumed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets why.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Sets when it ends; `None` is when the job is resumed.
    pub fn until(mut self, until: impl Into<Option<Timestamp>>) -> Self {
        self.until = until.into();
        self
    }

    /// Sets who pauses the job.
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }
}

/// The pause of a job, as the job keeps it. Times are UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Paused {
    /// When it began.
    #[serde(with = "iso")]
    pub since: Timestamp,
    /// When it ends. `None`: when the job is resumed.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "iso::option")]
    pub until: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who paused the job.
    pub by: String,
    /// The first run time that it holds back, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "iso::option")]
    pub held: Option<Timestamp>,
    /// The next run time that stands for all run times that it holds back, if they are caught up at its end.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "iso::option")]
    pub resume_at: Option<Timestamp>,
}

impl Paused {
    /// A pause that somebody began now.
    pub fn new(by: impl Into<String>, since: Timestamp) -> Self {
        Self { since, until: None, note: None, by: by.into(), held: None, resume_at: None }
    }

    /// Returns whether it has ended.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Returns whether a run time lies within it.
    pub fn covers(&self, run_time: Timestamp) -> bool {
        let first = self.held.map_or(self.since, |held| held.min(self.since));
        first <= run_time && self.until.is_none_or(|until| run_time < until)
    }

    /// Returns the first run time to catch up, if this next run time stands for all that the pause holds back.
    pub fn caught_up_at(&self, next_run_time: Timestamp) -> Option<Timestamp> {
        self.held.filter(|_| self.resume_at == Some(next_run_time))
    }
}

/// Times as text, in ISO 8601 and UTC.
mod iso {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::time::{Timestamp, Zone};

    pub(super) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zone::UTC.iso(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom(format!("expected a time in ISO 8601, found `{text}`")))
    }

    pub(super) mod option {
        use serde::{Deserialize, Deserializer, Serializer};

        use crate::time::Timestamp;

        #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
        pub(in super::super) fn serialize<S: Serializer>(
            time: &Option<Timestamp>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match time {
                Some(time) => super::serialize(time, serializer),
                None => serializer.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Timestamp>, D::Error> {
            #[derive(Deserialize)]
            struct Iso(#[serde(with = "super")] Timestamp);

            Ok(Option::<Iso>::deserialize(deserializer)?.map(|time| time.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_pause_is_read_as_it_was_written() {
        let mut pause = Paused::new("ada", at("2027-01-01T00:00:00.5Z"));
        assert_eq!(
            serde_json::to_value(&pause).unwrap(),
            json!({"since": "2027-01-01T00:00:00.500000+00:00", "by": "ada"})
        );
        let time = Some(at("2027-01-02T00:00:00Z"));
        (pause.until, pause.held, pause.resume_at) = (time, time, time);
        pause.note = Some("why".to_owned());
        let written = serde_json::to_value(&pause).unwrap();
        assert_eq!(written["until"], "2027-01-02T00:00:00+00:00");
        assert_eq!(serde_json::from_value::<Paused>(written).unwrap(), pause);
        let error =
            serde_json::from_value::<Paused>(json!({"since": "noon", "by": "ada"})).unwrap_err();
        assert!(error.to_string().contains("expected a time in ISO 8601, found `noon`"), "{error}");
    }

    #[test]
    fn a_pause_ends_at_its_end() {
        let mut pause = Paused::new("ada", at("2027-01-01T10:00:00Z"));
        assert!(!pause.is_over(at("2099-01-01T00:00:00Z")));
        pause.until = Some(at("2027-01-01T12:00:00Z"));
        let [before, within, end] =
            ["09:59:59", "11:59:59", "12:00:00"].map(|time| at(&format!("2027-01-01T{time}Z")));
        assert_eq!((pause.is_over(within), pause.is_over(end)), (false, true));
        assert_eq!([before, within, end].map(|time| pause.covers(time)), [false, true, false]);
        // It held back a run time that was overdue.
        pause.held = Some(before);
        assert!(pause.covers(before));
    }
}

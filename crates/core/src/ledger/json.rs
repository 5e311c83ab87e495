//! Records as tables.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::RunRecord;
use crate::time::{Timestamp, Zone};

/// A table. Times are text in UTC, `duration` is in seconds, and what is unknown is left out.
impl Serialize for RunRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let iso = |time: Timestamp| Zone::UTC.iso(time);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("run_id", &self.run_id)?;
        map.serialize_entry("attempt", &self.attempt)?;
        map.serialize_entry("job_id", &*self.job_id)?;
        if let Some(alias) = &self.jobstore {
            map.serialize_entry("jobstore", &**alias)?;
        }
        map.serialize_entry("state", self.state.name())?;
        if let Some(reason) = self.reason {
            map.serialize_entry("reason", reason.name())?;
        }
        map.serialize_entry("scheduled_run_time", &iso(self.scheduled_run_time))?;
        if let Some(until) = self.until {
            map.serialize_entry("until", &iso(until))?;
            map.serialize_entry("count", &self.count)?;
        }
        map.serialize_entry("owner", &self.owner)?;
        let times = [("claimed", self.claimed), ("started", self.started), ("ended", self.ended)];
        for (key, time) in times {
            if let Some(time) = time {
                map.serialize_entry(key, &iso(time))?;
            }
        }
        if let Some(duration) = self.duration {
            map.serialize_entry("duration", &duration.as_secs_f64())?;
        }
        if let Some(result) = &self.result {
            // A result that was cut is not valid JSON any more, and is given as text.
            match serde_json::from_str::<serde_json::Value>(result) {
                Ok(value) => map.serialize_entry("result", &value)?,
                Err(_) => map.serialize_entry("result", &**result)?,
            }
        }
        if let Some(error) = &self.error {
            map.serialize_entry("error", &**error)?;
        }
        if let Some(late) = self.late {
            map.serialize_entry("late", late.name())?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::{Reason, RunState};
    use super::*;
    use crate::run::{OwnerId, RunId};

    #[test]
    fn what_is_unknown_is_left_out() {
        let time: Timestamp = "2026-05-04T10:20:30.5Z".parse().unwrap();
        let (run, owner) = (RunId::new(time), OwnerId::random());
        let record = RunRecord::new(run, "backup", time, owner, RunState::Ok);
        let record = record.duration(Duration::from_millis(1500)).result("{\"a\":1}");
        assert_eq!(
            serde_json::to_value(&record).unwrap(),
            json!({"run_id": run, "attempt": 1, "job_id": "backup", "state": "ok", "owner": owner,
                "scheduled_run_time": "2026-05-04T10:20:30.500000+00:00", "duration": 1.5, "result": {"a": 1}})
        );
        let record = RunRecord::new(run, "backup", time, owner, RunState::Coalesced)
            .until(time, 7)
            .reason(Reason::Coalesced);
        assert_eq!(
            serde_json::to_value(&record).unwrap(),
            json!({"run_id": run, "attempt": 1, "job_id": "backup", "state": "coalesced", "reason": "coalesced",
                "owner": owner, "scheduled_run_time": "2026-05-04T10:20:30.500000+00:00",
                "until": "2026-05-04T10:20:30.500000+00:00", "count": 7})
        );
    }
}

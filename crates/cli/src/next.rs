//! `apscheduler next`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use apscheduler::builtin;
use apscheduler::time::{Clock as _, SystemClock, Timestamp, Zone};
use apscheduler::trigger::{Trigger, TriggerContext};
use clap::{ArgGroup, value_parser};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use crate::fires::{self, Fires};
use crate::{batch, output};

/// Shows the coming fire times of a trigger.
///
/// With --batch it reads one JSON object a line on standard input, `{"trigger": {...}, "now": "...", "count": 5}`, and
/// answers each with one line, in order: `{"fires": [...], "text": "..."}` or `{"error": "..."}`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group(ArgGroup::new("what").required(true).args(["trigger", "cron", "batch"])))]
pub(crate) struct NextArgs {
    /// The trigger as JSON: a table with `type` and the options of the trigger
    #[arg(long, value_name = "JSON")]
    trigger: Option<String>,
    /// A crontab line of five fields: minute, hour, day of the month, month, day of the week (0 is Monday)
    #[arg(long, value_name = "EXPR")]
    cron: Option<String>,
    /// Answer many questions, from standard input
    #[arg(long)]
    batch: bool,
    /// The zone of a trigger that names none: a name of the tz database, or an offset [default: the local zone]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<Zone>,
    /// Show what comes after this instant, in ISO 8601 [default: the present]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// How many fire times to show
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u64).range(1..))]
    count: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler next --cron '*/5 * * * *'
  apscheduler next --cron '0 3 * * sun' --timezone Europe/Helsinki --now 2027-03-27 --count 3
  apscheduler next --trigger '{\"type\": \"interval\", \"hours\": 6, \"start_date\": \"2027-01-01\"}' --json
  echo '{\"trigger\": {\"type\": \"cron\", \"hour\": 3}, \"count\": 2}' | apscheduler next --batch";

pub(crate) fn next(args: &NextArgs) -> Result<ExitCode> {
    let registry = builtin::registry();
    let timezone = args.timezone.map_or_else(Zone::local, Ok)?;
    let now = match &args.now {
        Some(text) => fires::instant(text, timezone).context("--now")?,
        None => SystemClock.now(),
    };
    let count = usize::try_from(args.count).unwrap_or(usize::MAX);
    let context = TriggerContext { registry: &registry, timezone, now };
    if args.batch {
        batch::answer(&context, count)?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = match (&args.trigger, &args.cron) {
        (Some(text), _) => {
            let value = fires::json("--trigger", text)?;
            fires::trigger_config(&value).context("--trigger")?
        }
        (None, Some(line)) => fires::crontab(line),
        (None, None) => unreachable!("clap asks for one of them"),
    };
    let trigger = context.build(&config)?;
    let coming = Coming { trigger: &*trigger, now, count };
    if args.json {
        output::json(&coming)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = coming.fires().map(|fire| {
        let at = trigger.zone(fire).at(fire);
        let zone = trigger.zone(fire).abbreviation_at(fire);
        [at.format("%a %Y-%m-%d %H:%M:%S%.f %:z").to_string(), zone, distance(now, fire)]
    });
    output::line(&trigger.to_string())?;
    if !output::long_table(["NEXT RUN", "ZONE", "FROM NOW"], rows)? {
        output::line("It does not fire any more.")?;
        fires::warn_of_schedule(&*trigger, now);
    }
    Ok(ExitCode::SUCCESS)
}

/// The coming fires. There may be more of them than memory has room for.
struct Coming<'a> {
    trigger: &'a dyn Trigger,
    now: Timestamp,
    count: usize,
}

impl Coming<'_> {
    fn fires(&self) -> impl Iterator<Item = Timestamp> {
        Fires::new(self.trigger, self.now).take(self.count)
    }
}

impl Serialize for Coming<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_struct("Coming", 2)?;
        table.serialize_field("fires", &Texts(self))?;
        table.serialize_field("text", &self.trigger.to_string())?;
        table.end()
    }
}

/// The fires as text, one after the other.
struct Texts<'a>(&'a Coming<'a>);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.fires().map(|fire| self.0.trigger.zone(fire).iso(fire)))
    }
}

/// `in 3 h 12 min`: the two largest units.
pub(crate) fn distance(now: Timestamp, then: Timestamp) -> String {
    let seconds = (then - now).num_seconds();
    let units = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
    let mut rest = seconds.unsigned_abs();
    let mut parts = Vec::new();
    for (unit, length) in units {
        if rest >= length && parts.len() < 2 {
            parts.push(format!("{} {unit}", rest / length));
            rest %= length;
        } else if !parts.is_empty() {
            break;
        }
    }
    match (parts.is_empty(), seconds < 0) {
        (true, _) => "now".to_owned(),
        (false, false) => format!("in {}", parts.join(" ")),
        (false, true) => format!("{} ago", parts.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_have_two_units() {
        let now = Timestamp::UNIX_EPOCH;
        let cases = [
            ("1970-01-01T00:00:00Z", "now"),
            ("1970-01-01T00:00:59Z", "in 59 s"),
            ("1970-01-01T00:01:01Z", "in 1 min 1 s"),
            ("1970-01-01T03:12:07Z", "in 3 h 12 min"),
            ("1970-01-03T00:12:07Z", "in 2 d"),
            ("1969-12-31T23:00:00Z", "1 h ago"),
        ];
        for (then, expected) in cases {
            assert_eq!(distance(now, then.parse().unwrap()), expected);
        }
    }
}

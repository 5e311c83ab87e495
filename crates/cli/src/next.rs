//! `apscheduler next`.

use std::process::ExitCode;

use anyhow::Result;
use apscheduler::builtin;
use apscheduler::time::{Clock as _, SystemClock, Timestamp, Zone};
use apscheduler::trigger::{Trigger, TriggerContext};
use clap::{ArgGroup, value_parser};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use crate::fire_times::{self, FireTimes};
use crate::relative_time::relative;
use crate::{batch, input, output};

/// Show the next fire times of a trigger.
///
/// With --batch, reads one JSON object per line from standard input, `{"trigger": {...}, "now": "...", "count": 5}`, and
/// answers each with one line, in order: `{"fires": [...], "text": "..."}` or `{"error": "..."}`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group(ArgGroup::new("what").required(true).args(["trigger", "cron", "batch"])))]
pub(crate) struct NextArgs {
    /// The trigger as JSON: an object with `type` and the options of the trigger
    #[arg(long, value_name = "JSON")]
    trigger: Option<String>,
    /// A crontab expression: minute, hour, day of month, month, day of week (0 is Monday)
    #[arg(long, value_name = "EXPR")]
    cron: Option<String>,
    /// Read triggers from standard input, one JSON object per line
    #[arg(long)]
    batch: bool,
    /// Time zone of triggers without one: a tz database name or an offset such as +02:00 [default: the local zone]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<Zone>,
    /// Show fire times from this instant on, in ISO 8601 [default: the current time]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// Number of fire times to show
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
        Some(text) => input::instant_option("--now", text, timezone)?,
        None => SystemClock.now(),
    };
    let count = usize::try_from(args.count).unwrap_or(usize::MAX);
    let context = TriggerContext::at(&registry, timezone, now);
    if args.batch {
        batch::answer(&context, count)?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = match (&args.trigger, &args.cron) {
        (Some(text), _) => input::trigger_option("--trigger", text)?,
        (None, Some(line)) => input::crontab(line),
        (None, None) => unreachable!("clap requires one of them"),
    };
    let trigger = context.build(&config)?;
    let upcoming = Upcoming { trigger: &*trigger, now, count };
    if args.json {
        output::json(&upcoming)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = upcoming.fire_times().map(|fire| {
        let at = trigger.zone(fire).at(fire);
        let zone = trigger.zone(fire).abbreviation_at(fire);
        [at.format("%a %Y-%m-%d %H:%M:%S%.f %:z").to_string(), zone, relative(now, fire)]
    });
    output::line(&trigger.to_string())?;
    if !output::streamed_table(["NEXT RUN", "ZONE", "FROM NOW"], rows)? {
        output::line("The trigger does not fire again.")?;
        fire_times::warn_of_schedule(&*trigger, now);
    }
    Ok(ExitCode::SUCCESS)
}

/// The next fire times, computed while they are printed: `count` may be huge.
struct Upcoming<'a> {
    trigger: &'a dyn Trigger,
    now: Timestamp,
    count: usize,
}

impl Upcoming<'_> {
    fn fire_times(&self) -> impl Iterator<Item = Timestamp> {
        FireTimes::new(self.trigger, self.now).take(self.count)
    }
}

impl Serialize for Upcoming<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_struct("Upcoming", 2)?;
        table.serialize_field("fires", &FireTimeTexts(self))?;
        table.serialize_field("text", &self.trigger.to_string())?;
        table.end()
    }
}

/// The fire times as a sequence of text.
struct FireTimeTexts<'a>(&'a Upcoming<'a>);

impl Serialize for FireTimeTexts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.fire_times().map(|fire| self.0.trigger.zone(fire).iso(fire)))
    }
}

//! `apscheduler next`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use apscheduler::builtin;
use apscheduler::time::{Clock as _, SystemClock, Timestamp, Zone};
use apscheduler::trigger::TriggerContext;
use clap::ArgGroup;
use serde_json::{Value, json};

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
    /// A crontab line of five fields: minute, hour, day of the month, month, day of the week
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
    #[arg(long, value_name = "N", default_value_t = 5)]
    count: usize,
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
    let timezone = args.timezone.unwrap_or_else(Zone::local);
    let now = match &args.now {
        Some(text) => fires::instant(text, timezone).context("--now")?,
        None => SystemClock.now(),
    };
    let context = TriggerContext { registry: &registry, timezone, now };
    if args.batch {
        batch::answer(&context, args.count)?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = match (&args.trigger, &args.cron) {
        (Some(text), _) => {
            let value: Value = serde_json::from_str(text)
                .with_context(|| format!("--trigger: `{text}` is no JSON"))?;
            fires::trigger_config(&value).context("--trigger")?
        }
        (None, Some(line)) => fires::crontab(line),
        (None, None) => unreachable!("clap asks for one of them"),
    };
    let trigger = context.build(&config)?;
    let coming = Fires::new(&*trigger, now).take(args.count);
    if args.json {
        let list: Vec<String> = coming.map(|fire| trigger.zone(fire).iso(fire)).collect();
        output::json(&json!({"fires": list, "text": trigger.to_string()}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = coming
        .map(|fire| {
            let at = trigger.zone(fire).at(fire);
            let zone = trigger.zone(fire).abbreviation_at(fire);
            vec![at.format("%a %Y-%m-%d %H:%M:%S%.f %:z").to_string(), zone, distance(now, fire)]
        })
        .collect();
    output::line(&trigger.to_string())?;
    if rows.is_empty() {
        output::line("It does not fire any more.")?;
    } else {
        output::table(&["NEXT RUN", "ZONE", "FROM NOW"], rows)?;
    }
    Ok(ExitCode::SUCCESS)
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

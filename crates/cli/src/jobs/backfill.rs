//! `apscheduler jobs backfill`.

use std::process::ExitCode;

use anyhow::Result;
use apscheduler::job::JobKey;
use apscheduler::{Backfill, Backfilled, Reprocess};
use clap::builder::PossibleValuesParser;

use crate::progress::Progress;
use crate::stores::Stores;
use crate::{input, output};

/// Run the run times of a job in a range of the past that did not run, or did not succeed.
///
/// The trigger of the job gives the run times, and the records of its runs tell what became of each. The runs wait in the store
/// until a running scheduler claims them: usually within a second. Runs of the schedule go first. The id of the backfill is
/// printed, for `apscheduler runs cancel --backfill`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BackfillArgs {
    /// The id of the job
    id: String,
    /// The first instant of the range, in ISO 8601
    #[arg(long, value_name = "TIME")]
    from: String,
    /// The last instant of the range, in ISO 8601 [default: the current time]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Which run times to run that have been run before: `failed` for those of which no run succeeded
    #[arg(long, value_name = "WHICH", default_value = "none", value_parser = reprocess())]
    reprocess: String,
    /// The most runs of the backfill at the same time
    #[arg(long, value_name = "N", default_value_t = 1)]
    max_active: usize,
    /// Which run times are run first
    #[arg(long, value_name = "ORDER", default_value = "oldest", value_parser = ["oldest", "newest"])]
    order: String,
    /// Only show what would run
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  apscheduler jobs backfill report --from 2027-01-04 --dry-run
  apscheduler jobs backfill report --from 2027-01-04 --to '2027-01-05 12:00:00' --reprocess failed --max-active 4";

fn reprocess() -> PossibleValuesParser {
    PossibleValuesParser::new(Reprocess::ALL.map(Reprocess::name))
}

pub(super) fn backfill(stores: &Stores, args: &BackfillArgs) -> Result<ExitCode> {
    stores.check_any_persistent()?;
    let job = stores.job(&args.id)?;
    let zone = stores.scheduler.timezone();
    let from = input::instant_option("--from", &args.from, zone)?;
    let to = match &args.to {
        Some(text) => input::instant_option("--to", text, zone)?,
        None => stores.scheduler.clock().now(),
    };
    let backfill = Backfill::new(from, to)
        .reprocess(args.reprocess.parse()?)
        .max_active(args.max_active)
        .newest_first(args.order == "newest")
        .dry_run(args.dry_run);
    let key = JobKey::in_store(job.jobstore(), job.id());
    let progress = Progress::new("looking at past run times", args.json);
    let backfilled = stores.scheduler.backfill(key, &backfill);
    drop(progress);
    let Backfilled { id, runs, left, .. } = &backfilled?;
    if args.json {
        output::json(&serde_json::json!({
            "id": id, "dry_run": args.dry_run, "runs": runs, "left": left,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if !runs.is_empty() {
        let rows = runs.iter().map(|run| {
            let before = run.before.map_or_else(|| "-".to_owned(), |state| state.to_string());
            vec![run.run_id.to_string(), zone.display(run.scheduled_run_time), before]
        });
        output::table(&["RUN", "SCHEDULED", "BEFORE"], rows.collect())?;
    }
    output::line(&match (runs.len(), args.dry_run) {
        (0, _) => format!("Nothing to run: {left} run times of the range ran, or are about to."),
        (count, true) => format!("{count} runs would wait; {left} run times are left as they are."),
        (count, false) => {
            format!("The backfill {id}: {count} runs wait; {left} run times are left as they are.")
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

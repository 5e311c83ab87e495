//! `apscheduler next --batch`: a line in, a line out.

use std::io::{self, BufRead as _, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Result;
use apscheduler::function::JobError;
use apscheduler::options::oversized_integer;
use apscheduler::time::Timestamp;
use apscheduler::trigger::TriggerContext;
use serde_json::{Value, json};

use crate::fires::{self, Fires};
use crate::output;

/// Enough that system calls do not count.
const BUFFER: usize = 64 * 1024;

/// More fire times than that in one line are a mistake.
const MAX_COUNT: usize = 1_000_000;

/// Answers every line of standard input. `context` and `count` stand in for what a line leaves open.
pub(crate) fn answer(context: &TriggerContext<'_>, count: usize) -> Result<()> {
    let mut input = BufReader::with_capacity(BUFFER, io::stdin().lock());
    let mut out = output::stdout();
    let (mut line, mut answer) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(out.flush()?);
        }
        answer.clear();
        // Triggers may come from other crates; one bad line must not take the answers of the others.
        let result =
            catch_unwind(AssertUnwindSafe(|| write_fires(&line, context, count, &mut answer)))
                .unwrap_or_else(|payload| Err(JobError::from_panic(&*payload).to_string()));
        if let Err(error) = result {
            answer.clear();
            write!(answer, "{}", json!({"error": error}))?;
        }
        answer.push(b'\n');
        out.write_all(&answer)?;
        // Who asks one question at a time waits for the answer.
        if input.buffer().is_empty() {
            out.flush()?;
        }
    }
}

fn write_fires(
    line: &[u8],
    context: &TriggerContext<'_>,
    count: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let question: Value =
        serde_json::from_slice(line).map_err(|error| format!("this line is no JSON: {error}"))?;
    if let Some(number) = std::str::from_utf8(line).ok().and_then(oversized_integer) {
        return Err(format!("{number} is too large a number: it does not fit into 64 bits"));
    }
    let Value::Object(question) = question else {
        return Err(format!("expected an object with `trigger`, found {question}"));
    };
    let now: Timestamp = match question.get("now") {
        None | Some(Value::Null) => context.now,
        Some(Value::String(text)) => fires::instant(text, context.timezone)
            .map_err(|error| format!("now: {}", error.chain()))?,
        Some(other) => return Err(format!("now: expected a time in ISO 8601, found {other}")),
    };
    let count = match question.get("count") {
        None | Some(Value::Null) => count,
        Some(given) => given
            .as_u64()
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| *count <= MAX_COUNT)
            .ok_or_else(|| {
                format!("count: expected a whole number from 0 to {MAX_COUNT}, found {given}")
            })?,
    };
    let trigger = question.get("trigger").ok_or("`trigger` is missing")?;
    let context = TriggerContext { now, ..context.clone() };
    let trigger = fires::trigger_config(trigger)
        .and_then(|config| context.build(&config))
        .map_err(|error| error.chain())?;

    // Writing to memory can't fail.
    let _ = out.write_all(b"{\"fires\":[");
    for (index, fire) in Fires::new(&*trigger, now).take(count).enumerate() {
        // An offset has nothing that JSON would want escaped.
        let _ =
            write!(out, "{}\"{}\"", if index > 0 { "," } else { "" }, trigger.zone(fire).iso(fire));
    }
    let _ = write!(out, "],\"text\":{}}}", json!(trigger.to_string()));
    Ok(())
}

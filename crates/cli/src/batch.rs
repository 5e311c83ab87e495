//! `apscheduler next --batch`: answers each line of standard input with one line.

use std::io::{self, BufRead as _, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Result;
use apscheduler::function::JobError;
use apscheduler::options::oversized_integer;
use apscheduler::time::Timestamp;
use apscheduler::trigger::TriggerContext;
use serde_json::{Value, json};

use crate::fire_times::FireTimes;
use crate::{input, output};

/// The size of the input buffer, in bytes.
const BUFFER: usize = 64 * 1024;

/// The highest accepted `count`.
const MAX_COUNT: usize = 1_000_000;

/// Answers every line of standard input. `context` and `count` are the defaults of a line.
pub(crate) fn answer(context: &TriggerContext<'_>, count: usize) -> Result<()> {
    let mut lines = BufReader::with_capacity(BUFFER, io::stdin().lock());
    let mut out = output::stdout();
    let (mut line, mut answer) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(out.flush()?);
        }
        answer.clear();
        // A panic in a trigger of another crate must not stop the answers to the other lines.
        let result =
            catch_unwind(AssertUnwindSafe(|| write_fires(&line, context, count, &mut answer)))
                .unwrap_or_else(|payload| Err(JobError::from_panic(&*payload).to_string()));
        if let Err(error) = result {
            answer.clear();
            write!(answer, "{}", json!({"error": error}))?;
        }
        answer.push(b'\n');
        out.write_all(&answer)?;
        // An interactive caller waits for the answer before it sends the next line.
        if lines.buffer().is_empty() {
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
    let question: Value = serde_json::from_slice(line)
        .map_err(|error| format!("the line is not valid JSON: {error}"))?;
    if let Some(number) = std::str::from_utf8(line).ok().and_then(oversized_integer) {
        return Err(input::too_large(number));
    }
    let Value::Object(question) = question else {
        return Err(format!("expected an object with `trigger`, found {question}"));
    };
    let now: Timestamp = match question.get("now") {
        None | Some(Value::Null) => context.now,
        Some(Value::String(text)) => input::instant(text, context.timezone)
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
    let trigger =
        question.get("trigger").ok_or("`trigger` is missing; expected a table with `type`")?;
    let mut context = context.clone();
    context.now = now;
    let trigger = input::trigger_config(trigger)
        .and_then(|config| context.build(&config))
        .map_err(|error| error.chain())?;

    // Writing to a `Vec` can't fail.
    let _ = out.write_all(b"{\"fires\":[");
    for (index, fire) in FireTimes::new(&*trigger, now).take(count).enumerate() {
        // A time in ISO 8601 has no character that JSON escapes.
        let _ =
            write!(out, "{}\"{}\"", if index > 0 { "," } else { "" }, trigger.zone(fire).iso(fire));
    }
    let _ = write!(out, "],\"text\":{}}}", json!(trigger.to_string()));
    Ok(())
}

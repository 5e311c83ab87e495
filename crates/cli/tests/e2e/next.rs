//! `apscheduler next`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::Place;

/// The golden vectors of `cron` were computed up to this year.
const HORIZON: &str = "2036";

fn batch(args: &[&str], input: &[u8]) -> Vec<String> {
    let place = Place::new();
    let mut child = place
        .command(&[&["next", "--batch"], args].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn batch_matches_all_golden_vectors() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../triggers/tests/vectors");
    let mut rows = Vec::new();
    for file in std::fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            rows.extend(std::fs::read_to_string(path).unwrap().lines().map(str::to_owned));
        }
    }
    assert!(rows.len() > 1000);
    let answers = batch(&[], (rows.join("\n") + "\n").as_bytes());
    assert_eq!(answers.len(), rows.len());
    for (row, answer) in rows.iter().zip(answers) {
        let (row, answer): (Value, Value) =
            (serde_json::from_str(row).unwrap(), serde_json::from_str(&answer).unwrap());
        if row["error"] == true {
            assert!(answer["error"].is_string(), "{row}\n{answer}");
            continue;
        }
        let mut fires = answer["fires"].as_array().unwrap().clone();
        let expected = row["fires"].as_array().unwrap();
        if fires.len() > expected.len() && fires[expected.len()].as_str().unwrap() >= HORIZON {
            fires.truncate(expected.len());
        }
        assert_eq!(&fires, expected, "{row}");
        if let Some(text) = row.get("text") {
            assert_eq!(&answer["text"], text, "{row}");
        }
    }
}

#[test]
fn every_line_gets_one_answer() {
    let lines: [(&[u8], &str); 9] = [
        (b"nonsense", "the line is not valid JSON"),
        (b"", "the line is not valid JSON"),
        (b"\xff\xfe", "the line is not valid JSON"),
        (b"[1]", "expected an object with `trigger`"),
        (b"{}", "`trigger` is missing"),
        (br#"{"trigger": "corn"}"#, "did you mean `cron`?"),
        (br#"{"trigger": {"type": "cron", "minute": 60}}"#, "minute"),
        (br#"{"trigger": "interval", "count": -1}"#, "count: expected a whole number"),
        (br#"{"trigger": "interval", "now": "soon"}"#, "now: invalid date `soon`"),
    ];
    let good = r#"{"trigger": {"type": "cron", "hour": 3}, "now": "2027-01-01"}"#;
    let mut input = lines.map(|(line, _)| line).join(&b"\r\n"[..]);
    // The last line has no line break.
    input.extend_from_slice(format!("\n{good}").as_bytes());
    let answers = batch(&["--timezone", "+02:00", "--count", "2"], &input);
    assert_eq!(answers.len(), lines.len() + 1);
    for ((line, expected), answer) in lines.iter().zip(&answers) {
        let answer: Value = serde_json::from_str(answer).unwrap();
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(expected), "{}: {error}", String::from_utf8_lossy(line));
    }
    assert_eq!(
        answers.last().unwrap(),
        r#"{"fires":["2027-01-01T03:00:00+02:00","2027-01-02T03:00:00+02:00"],"text":"cron[hour='3']"}"#
    );
}

#[test]
fn batch_answers_each_line_immediately() {
    let mut child = Place::new()
        .command(&["next", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for count in 1..=3 {
        let question = json!({"trigger": {"type": "interval"}, "count": count});
        writeln!(stdin, "{question}").unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["fires"].as_array().unwrap().len(), count);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn prints_a_table() {
    let place = Place::new();
    let args = [
        "next",
        "--cron",
        "0 3 * * sun",
        "--timezone",
        "Europe/Helsinki",
        "--now",
        "2027-03-27",
        "--count",
        "2",
    ];
    assert_eq!(
        place.run(&args).success().stdout(),
        "cron[month='*', day='*', day_of_week='sun', hour='3', minute='0']\n\
         NEXT RUN                        ZONE  FROM NOW\n\
         Sun 2027-04-04 03:00:00 +03:00  EEST  in 8 d 2 h\n\
         Sun 2027-04-11 03:00:00 +03:00  EEST  in 15 d 2 h\n"
    );
    let json = place.run(&[
        "next",
        "--trigger",
        r#"{"type": "date", "run_date": "2027-01-01"}"#,
        "--json",
    ]);
    assert_eq!(
        json.success().json(),
        json!({"fires": ["2027-01-01T00:00:00+00:00"], "text": "date[2027-01-01 00:00:00 UTC]"})
    );
    let ended = r#"{"type": "cron", "end_date": "2020-01-01"}"#;
    assert!(
        place
            .run(&["next", "--trigger", ended])
            .success()
            .stdout()
            .ends_with("The trigger does not fire again.\n")
    );
}

#[test]
fn errors_name_the_option() {
    let place = Place::new();
    let error = place.run(&["next", "--trigger", "{"]).failure();
    assert!(
        error.starts_with("error: --trigger: expected JSON, found `{`\n  caused by: EOF"),
        "{error}"
    );
    let error = place.run(&["next", "--cron", "61 * * * *"]).failure();
    assert!(error.contains("minute: `61`"), "{error}");
    for usage in [
        &["next"][..],
        &["next", "--cron", "* * * * *", "--batch"],
        &["next", "--batch", "--timezone", "Mars"],
    ] {
        assert_eq!(place.run(usage).code(), Some(2), "{usage:?}");
    }
}

#[test]
fn a_closed_standard_output_is_not_an_error() {
    let place = Place::new();
    let mut child = place
        .command(&["next", "--cron", "* * * * *", "--count", "100000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stderr).unwrap()),
        (Some(0), String::new())
    );
}

//! Extreme ids, instants and states that a store must preserve.

use std::sync::Arc;

use apscheduler_core::store::{Decision, JobPayload, JobStore, NextRun};
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::actions::{add, claim_all, claimed, due_time, find, ids, list, take};
use crate::stores::case::cases;
use crate::stores::records::{Records, instant, second};

cases! { "values":
    Store ids_of_any_characters_are_kept,
    Store ids_differ_in_every_character,
    Store long_ids_are_kept,
    Store run_times_are_kept_to_the_microsecond,
    Store distant_run_times_are_ordered,
    Store large_states_are_kept [Serializes],
    Store states_of_any_characters_are_kept [Serializes],
}

/// Adds, finds, lists, updates, claims, and removes jobs with these ids.
fn work_with(store: &dyn JobStore, names: &[&str]) {
    let records = Records::of(store);
    let new = names.iter().map(|id| records.new_record(*id, Some(second(1)))).collect();
    store.add_jobs(new).expect("the jobs are added");
    let mut ordered = names.to_vec();
    ordered.sort_unstable();
    assert_eq!(ids(&list(store)), ordered);
    for id in names {
        let record = find(store, id);
        assert_eq!(&*record.id, *id);
        let changed = record.with_next_run_time(Some(second(2)));
        assert!(store.update_job(&changed).expect("updated"), "{id:?}");
    }
    let claims = claim_all(store, second(2), 3, |record| take(record, NextRun::At(second(9))));
    let mut ran = claimed(&claims);
    ran.sort_unstable();
    assert_eq!(ran, ordered);
    for (left, id) in (0..names.len()).rev().zip(names) {
        assert_eq!(find(store, id).next_run_time, Some(second(9)), "{id:?}");
        assert!(store.remove_job(id).expect("removed"), "{id:?}");
        assert_eq!(list(store).len(), left, "one job was removed with {id:?}");
    }
}

fn ids_of_any_characters_are_kept(store: &dyn JobStore) {
    work_with(
        store,
        &[
            "/",
            "a/b",
            "//",
            ".",
            "..",
            "\\",
            "'",
            "\"",
            "`",
            "'; DROP TABLE jobs; --",
            "%",
            "_",
            "%s",
            "*",
            "?",
            "[a]",
            "{a}",
            "{{a}}",
            ":",
            "a:b",
            "$a",
            "#",
            "&",
            " ",
            "  ",
            "\t",
            "\n",
            "a\r\nb",
            "\u{1}",
            "\u{1f}",
            "\u{7f}",
            "\u{85}",
            "\u{a0}",
            "\u{feff}",
            "0",
            "00",
            "null",
            "None",
            "true",
            "-1",
            "1e3",
            "naïve",
            "Łódź",
            "日本語",
            "שלום",
            "👩‍👩‍👧‍👦",
            "\u{10ffff}",
            "\u{fffd}",
            "e\u{301}",
        ],
    );
}

fn ids_differ_in_every_character(store: &dyn JobStore) {
    work_with(
        store,
        &[
            "a",
            "A",
            "a ",
            " a",
            "á",
            "a\u{301}",
            "ａ",
            "ß",
            "ss",
            "ſ",
            "s",
            "I",
            "i",
            "ı",
            "İ",
            "\u{200b}a",
            "a\u{200b}",
            "1",
            "01",
            "１",
            "ﬁ",
            "fi",
        ],
    );
}

fn long_ids_are_kept(store: &dyn JobStore) {
    let names: Vec<String> = ["a", "é", "語", "😀"]
        .into_iter()
        .flat_map(|character| {
            let most = character.repeat(190);
            [most.clone() + "1", most.clone() + "2", most]
        })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(names[0].chars().count(), 191);
    work_with(store, &names);
}

const TIMES: [&str; 12] = [
    "0001-01-01T00:00:00Z",
    "1582-10-15T12:30:00.5Z",
    "1900-01-01T00:00:00.000001Z",
    "1969-12-31T23:59:59.999998Z",
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00.000001Z",
    "2027-01-01T00:00:00.000001Z",
    "2038-01-19T03:14:08Z",
    "2999-07-07T07:07:07.777777Z",
    "9999-12-31T23:59:59.999998Z",
    "9999-12-31T23:59:59.999999Z",
];

fn run_times_are_kept_to_the_microsecond(store: &dyn JobStore) {
    for text in TIMES {
        let time = instant(text);
        add(store, &[("a", Some(time))]);
        assert_eq!(find(store, "a").next_run_time, Some(time));
        assert_eq!(list(store)[0].next_run_time, Some(time));
        assert_eq!(store.next_run_time(None).expect("a time"), Some(time));
        let before = time - TimeDelta::microseconds(1);
        assert_eq!(store.next_run_time(Some(before)).expect("a time"), Some(time), "{text}");
        assert_eq!(store.next_run_time(Some(time)).expect("no error"), None, "{text}");
        let early = claim_all(store, before, 10, |record| take(record, NextRun::Finished));
        assert!(early.is_empty(), "it was due a microsecond before {text}");
        let claims = claim_all(store, time, 10, |record| take(record, NextRun::Finished));
        assert_eq!(claims.iter().map(|claim| due_time(&claim.record)).collect::<Vec<_>>(), [time]);
    }
}

fn distant_run_times_are_ordered(store: &dyn JobStore) {
    let times: Vec<Timestamp> = TIMES.into_iter().map(instant).collect();
    // The order of ids is opposite to that of the times.
    let names: Vec<String> = (0..times.len()).rev().map(|number| format!("{number:02}")).collect();
    let jobs: Vec<_> =
        names.iter().zip(&times).map(|(id, time)| (id.as_str(), Some(*time))).collect();
    add(store, &jobs);
    assert_eq!(ids(&list(store)), names);
    let mut after = None;
    for time in &times {
        after = store.next_run_time(after).expect("a time");
        assert_eq!(after, Some(*time));
    }
    let mut due = Vec::new();
    claim_all(store, times[times.len() - 1], 5, |record| {
        due.push(record.id.to_string());
        Decision::Leave
    });
    assert_eq!(due, names);
}

fn keeps_state(store: &dyn JobStore, text: &str) {
    store.remove_all_jobs().expect("removed");
    let state = JobPayload::Encoded(text.into());
    let records = Records::of(store);
    let new = records.new_record("a", Some(second(1))).with_payload(state.clone());
    store.add_jobs(vec![new]).expect("the job is added");
    let check = |state: &JobPayload| {
        let kept: Option<Arc<str>> = state.as_text().map(Into::into);
        assert!(kept.as_deref() == Some(text), "a state of {} bytes was changed", text.len());
    };
    check(&find(store, "a").payload);
    check(&list(store)[0].payload);
    assert!(store.update_job(&find(store, "a").with_payload(state)).expect("updated"));
    let claims = claim_all(store, second(1), 10, |record| take(record, NextRun::At(second(2))));
    check(&claims[0].record.payload);
    check(&find(store, "a").payload);
}

fn large_states_are_kept(store: &dyn JobStore) {
    for size in [5_000, 70_000, 300_000] {
        // Text that hardly compresses, with multi-byte characters.
        let mut seed = 1_u32;
        let filling: String = (0..size / 2)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from_u32(0xa1 + (seed >> 20) % 0x600).unwrap_or('x')
            })
            .collect();
        keeps_state(store, &format!(r#"{{"version":1,"args":["{filling}"]}}"#));
    }
}

fn states_of_any_characters_are_kept(store: &dyn JobStore) {
    for text in [
        // The order of keys, spaces, and numbers beyond a double are preserved.
        r#"{"version":1,"b":1,"a":[ 1.0, 1e3, 12345678901234567890 ], "b2": {}}"#,
        r#"{"version":1,"args":["'","\"","\\","\n","\u0000","%s",":a","$1","?","--","/*"]}"#,
        r#"{"version":1,"args":["日本語","👩‍👩‍👧‍👦","é","\ud83d\ude00"]}"#,
    ] {
        keeps_state(store, text);
    }
}

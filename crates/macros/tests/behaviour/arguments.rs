//! Parameters of all kinds, and arguments that do not fit them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use apscheduler::function::JobContext;
use apscheduler::job;
use apscheduler::job::JobBuilder;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{call, refusal, run};

#[job]
fn add(left: i64, right: i64) -> i64 {
    left + right
}

#[job]
fn greet(name: &str, #[job(default = "Hello")] greeting: &str, title: Option<&str>) -> String {
    match title {
        Some(title) => format!("{greeting}, {title} {name}!"),
        None => format!("{greeting}, {name}!"),
    }
}

const FIRST: u16 = 7;

#[job]
fn defaults(
    #[job(default)] number: u8,
    #[job(default = FIRST + 1)] computed: u16,
    #[job(default = "text")] text: &String,
    #[job(default = "some")] option: Option<&str>,
    #[job(default = [1, 2])] list: &[u8],
    nothing: Option<bool>,
) -> Value {
    json!([number, computed, text, option, list, nothing])
}

#[job]
fn borrowed(
    text: &str,
    bytes: &[u8],
    path: &Path,
    order: &Order,
    paths: Option<&[PathBuf]>,
    other: Option<&Order>,
) -> Value {
    let other = other.map(|order| order.id);
    json!([text.len(), bytes.len(), path, order.id, paths.map(<[_]>::len), other])
}

#[derive(Deserialize)]
struct Order {
    id: u64,
    #[serde(default)]
    express: bool,
}

#[job]
fn ship(mut order: Order, r#type: &BTreeMap<String, (u8, char)>, _unused: Option<()>) -> String {
    order.id += 1;
    format!("{} {} {type:?}", order.id, order.express)
}

#[job]
fn in_the_middle(before: i32, context: &JobContext, after: i32) -> String {
    format!("{before} {} {after}", context.job_id())
}

#[job]
fn by_value(context: JobContext, again: &JobContext) -> bool {
    std::thread::spawn(move || context.run_id()).join().is_ok_and(|run_id| run_id == again.run_id())
}

#[job]
fn seven(one: u8, two: u8, three: u8, four: u8, five: u8, six: u8, seven: u8) -> u8 {
    one + two + three + four + five + six + seven
}

#[test]
fn arguments_by_position_or_by_name() {
    for (args, kwargs) in [
        (json!([2, 3]), json!({})),
        (json!([2]), json!({"right": 3})),
        (json!([]), json!({"right": 3, "left": 2})),
    ] {
        assert_eq!(call("arguments::add", args, kwargs), Ok(json!(5)));
    }
}

#[test]
fn optional_parameters_and_defaults() {
    assert_eq!(call("arguments::greet", json!(["Ada"]), json!({})), Ok(json!("Hello, Ada!")));
    let named = json!({"title": "Countess", "name": "Ada"});
    assert_eq!(call("arguments::greet", json!([]), named), Ok(json!("Hello, Countess Ada!")));
    assert_eq!(
        call("arguments::defaults", json!([]), json!({})),
        Ok(json!([0, 8, "text", "some", [1, 2], null]))
    );
    let given = json!({"number": 1, "computed": 2, "text": "3", "option": null, "list": [], "nothing": true});
    assert_eq!(
        call("arguments::defaults", json!([]), given),
        Ok(json!([1, 2, "3", null, [], true]))
    );
}

#[test]
fn borrowed_parameters() {
    assert_eq!(
        call("arguments::borrowed", json!(["abc", [1, 2], "/tmp", {"id": 5}]), json!({})),
        Ok(json!([3, 2, "/tmp", 5, null, null]))
    );
    let options = json!({"paths": ["a"], "other": {"id": 6}});
    assert_eq!(
        call("arguments::borrowed", json!(["", [], "", {"id": 5}]), options),
        Ok(json!([0, 0, "", 5, 1, 6]))
    );
}

#[test]
fn parameters_may_have_any_deserializable_type() {
    let kwargs = json!({"order": {"id": 6}, "type": {"a": [1, "x"]}});
    assert_eq!(call("arguments::ship", json!([]), kwargs), Ok(json!("7 false {\"a\": (1, 'x')}")));
    assert_eq!(call("arguments::seven", json!([1, 2, 3, 4, 5, 6, 7]), json!({})), Ok(json!(28)));
}

#[test]
fn the_context_needs_no_argument() {
    let job = JobBuilder::registered(in_the_middle).id("x").args([json!(1), json!(2)]);
    assert_eq!(run(job), Ok(json!("1 x 2")));
    assert_eq!(call("arguments::by_value", json!([]), json!({})), Ok(json!(true)));
}

#[test]
fn invalid_arguments_are_refused_when_the_job_is_added() {
    let cases = [
        (
            refusal("arguments::add", json!([1]), json!({})),
            "function `behaviour::arguments::add`: the following arguments have not been supplied: right",
        ),
        (
            refusal("arguments::add", json!([1, 2, 3]), json!({})),
            "function `behaviour::arguments::add`: takes at most 2 positional arguments, 3 were given in args",
        ),
        (
            refusal("arguments::add", json!([1, 2]), json!({"left": 1})),
            "function `behaviour::arguments::add`: `left` is supplied in both args and kwargs",
        ),
        (
            refusal("arguments::add", json!([1]), json!({"rigth": 2})),
            "function `behaviour::arguments::add`: does not accept the keyword argument `rigth`; did you mean `right`? \
             its parameters: left, right",
        ),
        (
            refusal("arguments::add", json!([1, "two"]), json!({})),
            "function `behaviour::arguments::add`: argument `right`: invalid type: string \"two\", expected i64",
        ),
        (
            refusal("arguments::greet", json!([null]), json!({})),
            "function `behaviour::arguments::greet`: argument `name`: invalid type: null, expected a string",
        ),
        (
            refusal("arguments::ship", json!([{"id": -1}, {}]), json!({})),
            "function `behaviour::arguments::ship`: argument `order`: invalid value: integer `-1`, expected u64",
        ),
        (
            refusal("arguments::in_the_middle", json!([1, 2]), json!({"context": 3})),
            "function `behaviour::arguments::in_the_middle`: does not accept the keyword argument `context`; its \
             parameters: after, before",
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(message, expected);
    }
}

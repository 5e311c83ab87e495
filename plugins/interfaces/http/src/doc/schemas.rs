//! The schemas of what has no type of its own here: jobs, runs, and the like.

use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

/// Declares a type that has a schema and nothing else.
macro_rules! schemas {
    ($($(#[$meta:meta])* $name:ident = $schema:expr;)+) => {$(
        $(#[$meta])*
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                read($schema)
            }
        }

        impl ToSchema for $name {}
    )+};
}

/// Reads a schema. What can't be read is any value, and the test of the document shows it.
fn read(schema: Value) -> RefOr<Schema> {
    serde_json::from_value(schema).unwrap_or_default()
}

fn trigger() -> Value {
    json!({
        "description": "The name of a trigger, or an object with `type` and the options of the trigger",
        "oneOf": [
            {"type": "string", "minLength": 1},
            {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}},
        ],
    })
}

/// Adds to a schema the keys that a job is added with, and that can be changed.
fn job(mut schema: Value) -> Value {
    schema["type"] = json!("object");
    schema["additionalProperties"] = json!(true);
    let properties = &mut schema["properties"];
    for key in ["name", "executor"] {
        properties[key] = json!({"type": "string"});
    }
    let function = "One of the functions that the config allows";
    properties["func"] = json!({"type": "string", "description": function});
    properties["args"] = json!({"type": "array", "items": {}});
    properties["kwargs"] = json!({"type": "object"});
    properties["trigger"] = trigger();
    properties["next_run_time"] = json!({"type": ["string", "null"]});
    properties["max_instances"] = json!({"type": "integer", "minimum": 1});
    schema
}

fn page(of: &str) -> Value {
    json!({
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": format!("#/components/schemas/{of}")}},
            "next": {"type": ["string", "null"], "description": "The `after` of the next page; null on the last"},
        },
    })
}

schemas! {
    /// What is wrong with a request.
    Problem = json!({
        "type": "object",
        "description": "What is wrong with a request (RFC 9457)",
        "required": ["status", "title", "detail"],
        "properties": {
            "status": {"type": "integer"},
            "title": {"type": "string"},
            "detail": {"type": "string", "description": "What is wrong, and what would be right"},
            "job_id": {"type": "string"},
            "pointer": {"type": "string", "description": "Where in the body it is (RFC 6901)"},
            "suggestion": {"type": "string", "description": "The nearest value that would be right"},
        },
    });
    /// A job.
    Job = json!({
        "type": "object",
        "description": "A job. The options of one that can't be restored are missing",
        "required": ["id", "name", "jobstore", "status", "path", "revision", "next_run_time"],
        "properties": {
            "id": {"type": "string"},
            "name": {"type": "string"},
            "jobstore": {"type": "string"},
            "path": {"type": "string", "description": "Names the job in paths"},
            "revision": {"type": ["string", "null"], "description": "Its ETag, without quotes"},
            "status": {"type": "string", "enum": ["scheduled", "paused", "broken"]},
            "next_run_time": {"type": ["string", "null"]},
            "func": {"type": "string"},
            "args": {"type": "array", "items": {}},
            "kwargs": {"type": "object"},
            "trigger": {"type": "string", "description": "In words"},
            "trigger_config": {"type": "object", "description": "With `type` and the options of the trigger"},
        },
        "additionalProperties": true,
    });
    /// A trigger.
    TriggerTable = trigger();
    /// A job to add.
    NewJob = job(json!({
        "description": "A job, as in a jobs file",
        "required": ["func"],
        "properties": {"id": {"type": "string"}, "jobstore": {"type": "string"}},
    }));
    /// Changes of a job.
    JobPatch = job(json!({
        "description": "The keys of a job to change, as in a jobs file. The others stay as they are",
    }));
    /// A page of jobs.
    JobPage = page("Job");
    /// The record of a run, or of a change.
    Run = json!({
        "type": "object",
        "description": "What became of a run, or who changed what",
        "required": ["run_id", "attempt", "job_id", "state", "scheduled_run_time"],
        "properties": {
            "run_id": {"type": "string"},
            "attempt": {"type": "integer"},
            "job_id": {"type": "string"},
            "state": {"type": "string"},
            "scheduled_run_time": {"type": "string"},
        },
        "additionalProperties": true,
    });
    /// A page of runs.
    RunPage = page("Run");
    /// A run with its attempts.
    Attempts = json!({
        "type": "object",
        "required": ["run_id", "attempts"],
        "properties": {
            "run_id": {"type": "string"},
            "attempts": {"type": "array", "items": {"$ref": "#/components/schemas/Run"}},
        },
    });
    /// A run that somebody asked for.
    Started = json!({
        "type": "object",
        "required": ["run_id"],
        "properties": {"run_id": {"type": "string"}},
    });
    /// What became of the wish to cancel a run.
    Cancelling = json!({
        "type": "object",
        "required": ["cancelling"],
        "properties": {"cancelling": {"type": "string", "enum": ["ended", "told", "asked"]}},
    });
    /// The state of the scheduler.
    SchedulerState = json!({
        "type": "object",
        "required": ["state", "time", "timezone", "instances", "jobstores", "executors"],
        "properties": {
            "state": {"type": "string", "enum": ["stopped", "running", "paused"]},
            "time": {"type": "string"},
            "timezone": {"type": "string"},
            "instances": {"type": "integer"},
            "jobstores": {"type": "array", "items": {"type": "string"}},
            "executors": {"type": "array", "items": {"type": "string"}},
        },
    });
    /// Fire times.
    Fires = json!({
        "type": "object",
        "required": ["fires"],
        "properties": {"fires": {"type": "array", "items": {"type": "string"}}},
    });
    /// The fire times of a trigger.
    TriggerFires = json!({
        "type": "object",
        "required": ["text", "fires"],
        "properties": {
            "text": {"type": "string", "description": "The trigger in words"},
            "fires": {"type": "array", "items": {"type": "string"}},
        },
    });
    /// Why a job ran, or did not.
    Explanation = json!({
        "type": "object",
        "required": ["verdict"],
        "properties": {"verdict": {"type": "string"}},
        "additionalProperties": true,
    });
    /// The results of a batch.
    BatchResults = json!({
        "type": "object",
        "required": ["results"],
        "properties": {"results": {"type": "array", "items": {
            "type": "object",
            "required": ["id", "status"],
            "properties": {
                "id": {"type": "string"},
                "jobstore": {"type": ["string", "null"]},
                "path": {"type": "string"},
                "status": {"type": "integer"},
                "run_id": {"type": "string"},
                "problem": {"$ref": "#/components/schemas/Problem"},
            },
        }}},
    });
    /// Whether the program works.
    Probe = json!({
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"type": "string"}},
    });
    /// This document.
    Document = json!({"type": "object", "description": "This document"});
}

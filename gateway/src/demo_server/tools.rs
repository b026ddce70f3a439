//! The demo server's tools.

use std::time::Duration;

use serde_json::{Value, json};

/// The longest that `slow` takes, in seconds, and its most steps.
const SLOWEST: f64 = 30.0;
const MOST_STEPS: u64 = 100;

/// The tools as `tools/list` shows them.
pub(super) fn list() -> Value {
    let read_only = json!({"readOnlyHint": true, "openWorldHint": false});
    json!([
        {
            "name": "echo",
            "title": "Echo",
            "description": "Returns the text that it is given, unchanged.",
            "inputSchema": object(&json!({"text": {"type": "string", "description": "What to say back."}}), &["text"]),
            "annotations": read_only,
        },
        {
            "name": "add",
            "title": "Add two numbers",
            "description": "Returns the sum of two numbers.",
            "inputSchema": object(
                &json!({
                    "a": {"type": "number", "description": "The first number."},
                    "b": {"type": "number", "description": "The second number."},
                }),
                &["a", "b"],
            ),
            "annotations": read_only,
        },
        {
            "name": "now",
            "title": "Current time",
            "description": "Returns the current time in UTC, in the form of RFC 3339.",
            "inputSchema": object(&json!({}), &[]),
            "annotations": read_only,
        },
        {
            "name": "fail",
            "title": "Fail",
            "description": "Always fails: shows how an error of a tool reaches the client.",
            "inputSchema": object(
                &json!({"message": {"type": "string", "description": "The error's text. Default: a fixed one."}}),
                &[],
            ),
            "annotations": read_only,
        },
        {
            "name": "slow",
            "title": "Take some time",
            "description": "Waits for some seconds and reports progress after each step, to a client that asks for it.",
            "inputSchema": object(
                &json!({
                    "seconds": {
                        "type": "number", "minimum": 0, "maximum": SLOWEST,
                        "description": "How long to take, in seconds.",
                    },
                    "steps": {
                        "type": "integer", "minimum": 1, "maximum": MOST_STEPS, "default": 5,
                        "description": "In how many equal steps.",
                    },
                }),
                &["seconds"],
            ),
            "annotations": read_only,
        },
    ])
}

/// Calls a tool. `step` waits and reports (done, of all); the error is for an unknown tool or bad arguments.
pub(super) fn call(name: &str, arguments: &Value, step: impl Fn(u64, u64, Duration)) -> Result<Value, String> {
    match name {
        "echo" => Ok(text(arguments["text"].as_str().ok_or("`text` must be a string")?, false)),
        "add" => Ok(text(&sum(&arguments["a"], &arguments["b"])?, false)),
        "now" => Ok(text(&format!("{:.0}", jiff::Timestamp::now()), false)),
        "fail" => Ok(text(arguments["message"].as_str().unwrap_or("This tool always fails."), true)),
        "slow" => slow(arguments, step),
        _ => Err("there is no such tool".into()),
    }
}

fn slow(arguments: &Value, step: impl Fn(u64, u64, Duration)) -> Result<Value, String> {
    let seconds = arguments["seconds"]
        .as_f64()
        .filter(|seconds| (0.0..=SLOWEST).contains(seconds))
        .ok_or("`seconds` must be a number from 0 to 30")?;
    let steps = match &arguments["steps"] {
        Value::Null => 5,
        steps => steps
            .as_u64()
            .filter(|steps| (1..=MOST_STEPS).contains(steps))
            .ok_or("`steps` must be an integer from 1 to 100")?,
    };
    let whole = Duration::from_secs_f64(seconds);
    for done in 1..=steps {
        step(done, steps, whole / steps as u32);
    }
    Ok(text(&format!("That took {seconds} seconds."), false))
}

/// Exact while both are integers.
fn sum(a: &Value, b: &Value) -> Result<String, String> {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return Ok((i128::from(a) + i128::from(b)).to_string());
    }
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => Ok((a + b).to_string()),
        _ => Err("`a` and `b` must be numbers".into()),
    }
}

fn text(text: &str, is_error: bool) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": is_error})
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

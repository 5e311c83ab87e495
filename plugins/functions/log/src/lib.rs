#![doc = include_str!("../README.md")]

use apscheduler_core::function::{Function, JobContext};
use apscheduler_core::printable;
use serde::Deserialize;

/// The arguments of the function.
#[derive(Clone, Debug, Deserialize)]
struct LogOptions {
    message: String,
    #[serde(default)]
    level: Level,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// Returns the job function `log`, for a registry.
///
/// # Examples
/// ```
/// use apscheduler_core::registry::Registry;
///
/// let registry = Registry::empty();
/// registry.add_function(apscheduler_function_log::function())?;
/// assert!(registry.has_function("log"));
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub fn function() -> Function {
    Function::with_kwargs("log", |context: &JobContext, options: LogOptions| {
        write(context.job_id(), &options);
        options.message
    })
}

fn write(job_id: &str, options: &LogOptions) {
    let message = printable::lines(&options.message);
    // `tracing` needs the level at compile time.
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(target: "apscheduler::log", job_id, "{message}")
        };
    }
    match options.level {
        Level::Error => line!(error),
        Level::Warn => line!(warn),
        Level::Info => line!(info),
        Level::Debug => line!(debug),
        Level::Trace => line!(trace),
    }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::function::Arguments;
    use serde_json::{Value, json};

    use super::*;

    fn check(kwargs: &Value) -> Result<(), String> {
        let arguments = Arguments::new(Vec::new(), kwargs.as_object().unwrap().clone());
        function().check(&arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn only_the_message_is_required() {
        assert_eq!(check(&json!({"message": "hello"})), Ok(()));
        assert_eq!(check(&json!({"message": "hello", "level": "warn"})), Ok(()));
    }

    #[test]
    fn rejects_invalid_arguments() {
        let cases = [
            (json!({}), "`message` is missing"),
            (json!({"message": "m", "level": "loud"}), "level: unknown value `loud`"),
            (json!({"massage": "m"}), "did you mean `message`?"),
        ];
        for (kwargs, expected) in cases {
            let error = check(&kwargs).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}

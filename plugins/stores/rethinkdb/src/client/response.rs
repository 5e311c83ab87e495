//! Responses: a part of an answer, or an error.

use serde_json::Value;

use super::error::{ClientError, ServerError};

/// The response to `START` or `CONTINUE`.
#[derive(Debug)]
pub(super) enum Response {
    /// The only value.
    Atom(Value),
    /// The last values of a sequence.
    Last(Vec<Value>),
    /// Some values of a sequence; `CONTINUE` asks for more.
    Partial(Vec<Value>),
}

impl Response {
    /// Reads the JSON of a frame.
    pub(super) fn read(json: &[u8]) -> Result<Self, ClientError> {
        let mut response: Value = serde_json::from_slice(json)
            .map_err(|error| ClientError::protocol(format!("a response is not JSON: {error}")))?;
        let code = response.get("t").and_then(Value::as_u64).unwrap_or(0);
        let error = response.get("e").and_then(Value::as_u64);
        let Some(Value::Array(values)) = response.get_mut("r").map(Value::take) else {
            return Err(ClientError::protocol("a response has no values"));
        };
        match code {
            1 => {
                let first = values.into_iter().next();
                first.map(Self::Atom).ok_or_else(|| ClientError::protocol("an answer is empty"))
            }
            2 => Ok(Self::Last(values)),
            3 => Ok(Self::Partial(values)),
            16..=18 => {
                let text = values.first().and_then(Value::as_str).unwrap_or_default();
                Err(ClientError::Refused(ServerError::of(code, error), text.to_owned()))
            }
            code => Err(ClientError::protocol(format!("unknown type of response: {code}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_their_types() {
        for (json, expected) in [
            (r#"{"t":18,"e":4100000,"r":["no table"],"b":[]}"#, ServerError::Failed),
            (r#"{"t":18,"e":4200000,"r":["lost"],"b":[]}"#, ServerError::Indeterminate),
            (r#"{"t":18,"e":3100000,"r":["no field"],"b":[]}"#, ServerError::NonExistence),
            (r#"{"t":18,"e":6000000,"r":["no"],"b":[]}"#, ServerError::Permission),
            (r#"{"t":17,"r":["what?"],"b":[]}"#, ServerError::Query),
            (r#"{"t":18,"e":1000000,"r":["bug"],"b":[]}"#, ServerError::Other),
        ] {
            match Response::read(json.as_bytes()) {
                Err(ClientError::Refused(error, _)) => assert_eq!(error, expected),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_response_is_refused() {
        for json in ["", "{}", r#"{"t":1,"r":[]}"#, r#"{"t":9,"r":[]}"#, r#"{"t":2,"r":{}}"#] {
            let read = Response::read(json.as_bytes());
            assert!(matches!(read, Err(ClientError::Protocol(_))), "{json}");
        }
    }
}

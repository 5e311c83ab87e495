//! Positional and named arguments, and the parameters that they are checked against.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result, suggestion};

/// The `args` and `kwargs` of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    args: Box<[Value]>,
    // Boxed, because most jobs have none and there may be millions of jobs.
    kwargs: Option<Box<Map<String, Value>>>,
}

impl Arguments {
    /// Creates arguments from both kinds.
    pub fn new(args: Vec<Value>, kwargs: Map<String, Value>) -> Self {
        let kwargs = (!kwargs.is_empty()).then(|| Box::new(kwargs));
        Self { args: args.into(), kwargs }
    }

    /// Returns the positional arguments.
    pub fn args(&self) -> &[Value] {
        &self.args
    }

    /// Returns the named arguments, if there are any.
    pub fn kwargs(&self) -> Option<&Map<String, Value>> {
        self.kwargs.as_deref()
    }

    /// Returns whether there are no arguments.
    pub fn is_empty(&self) -> bool {
        self.args.is_empty() && self.kwargs.is_none()
    }
}

/// One parameter of a function.
#[derive(Clone, Debug)]
pub struct Parameter {
    name: Cow<'static, str>,
    required: bool,
    check: fn(&Value) -> Result<(), String>,
}

impl Parameter {
    /// Creates a parameter of type `T` that must be given.
    pub fn required<T: DeserializeOwned>(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), required: true, check: check::<T> }
    }

    /// Creates a parameter of type `T` that may be left out.
    pub fn optional<T: DeserializeOwned>(name: impl Into<Cow<'static, str>>) -> Self {
        Self { required: false, ..Self::required::<T>(name) }
    }
}

fn check<T: DeserializeOwned>(value: &Value) -> Result<(), String> {
    T::deserialize(value).map(drop).map_err(|error| error.to_string())
}

/// The parameters of a function.
#[derive(Clone, Debug)]
pub struct Parameters {
    function: Cow<'static, str>,
    list: Vec<Parameter>,
    positional_only: bool,
}

impl Parameters {
    /// Creates parameters that may be given by position or by name.
    pub fn new(function: impl Into<Cow<'static, str>>, list: Vec<Parameter>) -> Self {
        Self { function: function.into(), list, positional_only: false }
    }

    /// Creates parameters without names, such as those of a closure.
    pub fn positional(function: impl Into<Cow<'static, str>>, list: Vec<Parameter>) -> Self {
        Self { function: function.into(), list, positional_only: true }
    }

    /// Checks that every parameter has a value, and its type.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArguments`] if arguments are missing, too many, unknown, given twice, or of the wrong
    /// type.
    pub fn check(&self, arguments: &Arguments) -> Result<()> {
        let bound = self.bind(arguments)?;
        for (parameter, value) in self.list.iter().zip(&bound.values) {
            if let Some(value) = value {
                (parameter.check)(value).map_err(|message| self.wrong_type(parameter, &message))?;
            }
        }
        Ok(())
    }

    /// Finds the value of every parameter. Types are checked when the values are read.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArguments`] if arguments are missing, too many, unknown, or given twice.
    pub fn bind<'a>(&'a self, arguments: &'a Arguments) -> Result<Bound<'a>> {
        let args = arguments.args();
        if args.len() > self.list.len() {
            return Err(self.error(&format!(
                "takes at most {} positional arguments, {} were given in args",
                self.list.len(),
                args.len()
            )));
        }
        let mut values: Vec<Option<&'a Value>> = args.iter().map(Some).collect();
        values.resize(self.list.len(), None);
        for (name, value) in arguments.kwargs().into_iter().flatten() {
            let position = self.list.iter().position(|parameter| parameter.name == *name);
            match position {
                _ if self.positional_only => {
                    return Err(self.error(&format!(
                        "`{name}` can't be given as a keyword argument: the parameters of a closure have no names"
                    )));
                }
                None => {
                    let known = self.list.iter().map(|parameter| &*parameter.name);
                    let hint = suggestion::hint(name, "its parameters", known);
                    return Err(
                        self.error(&format!("does not accept the keyword argument `{name}`{hint}"))
                    );
                }
                Some(position) if values[position].is_some() => {
                    return Err(
                        self.error(&format!("`{name}` is supplied in both args and kwargs"))
                    );
                }
                Some(position) => values[position] = Some(value),
            }
        }
        let missing: Vec<&str> = (self.list.iter().zip(&values))
            .filter(|(parameter, value)| parameter.required && value.is_none())
            .map(|(parameter, _)| &*parameter.name)
            .collect();
        if !missing.is_empty() {
            return Err(self.missing(&missing));
        }
        Ok(Bound { parameters: self, values })
    }

    fn missing(&self, names: &[&str]) -> Error {
        self.error(&format!("the following arguments have not been supplied: {}", names.join(", ")))
    }

    fn wrong_type(&self, parameter: &Parameter, message: &str) -> Error {
        self.error(&format!("argument `{}`: {message}", parameter.name))
    }

    fn error(&self, message: &str) -> Error {
        Error::new(ErrorKind::InvalidArguments, format!("function `{}`: {message}", self.function))
    }
}

/// The values of the parameters, in the order of their declaration.
#[derive(Clone, Debug)]
pub struct Bound<'a> {
    parameters: &'a Parameters,
    values: Vec<Option<&'a Value>>,
}

impl Bound<'_> {
    /// Returns the value of a parameter, or `None` if it was left out.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArguments`] if the value has another type.
    ///
    /// # Panics
    /// If no parameter has this position.
    pub fn get<T: DeserializeOwned>(&self, position: usize) -> Result<Option<T>> {
        let parameters = self.parameters;
        let value = self.values[position].map(|value| T::deserialize(value));
        value
            .transpose()
            .map_err(|error| parameters.wrong_type(&parameters.list[position], &error.to_string()))
    }

    /// Returns the value of a parameter that must be given.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArguments`] if it was left out or has another type.
    ///
    /// # Panics
    /// If no parameter has this position.
    pub fn require<T: DeserializeOwned>(&self, position: usize) -> Result<T> {
        self.get(position)?.ok_or_else(|| {
            let parameters = self.parameters;
            parameters.missing(&[&parameters.list[position].name])
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bind(args: Value, kwargs: Value) -> Result<Vec<Option<i64>>> {
        let parameters = Parameters::new(
            "f",
            vec![
                Parameter::required::<i64>("x"),
                Parameter::required::<i64>("y"),
                Parameter::optional::<i64>("z"),
            ],
        );
        let (Value::Array(args), Value::Object(kwargs)) = (args, kwargs) else { unreachable!() };
        let arguments = Arguments::new(args, kwargs);
        parameters.check(&arguments)?;
        let bound = parameters.bind(&arguments)?;
        (0..3).map(|position| bound.get(position)).collect()
    }

    #[test]
    fn args_and_kwargs_fill_the_parameters() {
        assert_eq!(bind(json!([1]), json!({"y": 2})).unwrap(), [Some(1), Some(2), None]);
        assert_eq!(bind(json!([1, 2, 3]), json!({})).unwrap(), [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn arguments_that_do_not_fit_are_errors() {
        let cases = [
            (
                json!([1]),
                json!({}),
                "function `f`: the following arguments have not been supplied: y",
            ),
            (
                json!([]),
                json!({}),
                "function `f`: the following arguments have not been supplied: x, y",
            ),
            (
                json!([1, 2]),
                json!({"x": 3}),
                "function `f`: `x` is supplied in both args and kwargs",
            ),
            (
                json!([1, 2, 3, 4]),
                json!({}),
                "function `f`: takes at most 3 positional arguments, 4 were given in args",
            ),
            (
                json!([1, 2]),
                json!({"w": 3}),
                "function `f`: does not accept the keyword argument `w`; its parameters: x, y, z",
            ),
            (
                json!([1, "2"]),
                json!({}),
                "function `f`: argument `y`: invalid type: string \"2\", expected i64",
            ),
        ];
        for (args, kwargs, expected) in cases {
            let error = bind(args, kwargs).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArguments);
            assert_eq!(error.to_string(), expected);
        }
    }
}

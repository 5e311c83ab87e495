//! Errors as the server reports them.

use std::sync::Arc;

/// The type of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The client does not keep to the protocol.
    Client,
    /// The query is not valid.
    Compile,
    /// This peer does not implement something.
    Internal,
    ResourceLimit,
    Logic,
    NonExistence,
    Failed,
    User,
    Permission,
}

/// The text of an error. Some errors are often caught, so their text is made when it is read.
#[derive(Clone)]
enum Text {
    Made(String),
    Later(Arc<dyn Fn() -> String + Send + Sync>),
}

/// An error.
#[derive(Clone)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    text: Text,
}

pub(super) type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(super) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: Text::Made(text.into()) }
    }

    /// The error for a field that an object does not have.
    pub(super) fn no_field(
        name: &str,
        object: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        let name = name.to_owned();
        let text = move || format!("No attribute `{name}` in object:\n{}", object());
        Self { kind: Kind::NonExistence, text: Text::Later(Arc::new(text)) }
    }

    /// Returns the text.
    pub(super) fn text(&self) -> String {
        match &self.text {
            Text::Made(text) => text.clone(),
            Text::Later(make) => make(),
        }
    }

    pub(super) fn logic(text: impl Into<String>) -> Self {
        Self::new(Kind::Logic, text)
    }

    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self::new(Kind::Failed, text)
    }

    pub(super) fn compile(text: impl Into<String>) -> Self {
        Self::new(Kind::Compile, text)
    }

    /// The error for what the server has, and this peer has not.
    pub(super) fn missing(what: &str) -> Self {
        Self::new(Kind::Internal, format!("this peer does not implement {what}"))
    }

    /// The error for a value of another type.
    pub(super) fn expected(wanted: &str, found: &str) -> Self {
        // Where there is nothing, `default` helps.
        let kind = if found == "NULL" { Kind::NonExistence } else { Kind::Logic };
        Self::new(kind, format!("Expected type {wanted} but found {found}."))
    }
}

impl Kind {
    /// Returns the type of the response, and that of a runtime error.
    pub(super) fn codes(self) -> (u32, Option<u32>) {
        match self {
            Self::Client => (16, None),
            Self::Compile => (17, None),
            Self::Internal => (18, Some(1_000_000)),
            Self::ResourceLimit => (18, Some(2_000_000)),
            Self::Logic => (18, Some(3_000_000)),
            Self::NonExistence => (18, Some(3_100_000)),
            Self::Failed => (18, Some(4_100_000)),
            Self::User => (18, Some(5_000_000)),
            Self::Permission => (18, Some(6_000_000)),
        }
    }
}

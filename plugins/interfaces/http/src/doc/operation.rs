//! The description of a route, and the operation of the document that it makes.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{
    Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Ref, RefOr, Required};
use utoipa::{IntoParams, ToSchema};

/// The schemas of a document, by name.
pub(crate) type Schemas = Vec<(String, RefOr<Schema>)>;

type SchemaOf = fn(&mut Schemas) -> RefOr<Schema>;

/// What a route does, takes and answers.
#[derive(Clone, Copy)]
pub(crate) struct Doc {
    summary: &'static str,
    query: Option<fn() -> Vec<Parameter>>,
    body: Option<(SchemaOf, bool)>,
    status: u16,
    answer: Option<(&'static str, SchemaOf)>,
    /// Whether `If-Match` is required.
    is_conditional: bool,
    /// Whether the body can be valid JSON and still be refused.
    may_be_refused: bool,
}

fn parameters<Q: IntoParams>() -> Vec<Parameter> {
    Q::into_params(|| Some(ParameterIn::Query))
}

fn reference<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    let name = T::name().into_owned();
    if !schemas.iter().any(|(known, _)| *known == name) {
        schemas.push((name.clone(), T::schema()));
        T::schemas(schemas);
    }
    Ref::from_schema_name(name).into()
}

fn text(_: &mut Schemas) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

impl Doc {
    /// A route that answers with nothing.
    pub(crate) const fn new(summary: &'static str) -> Self {
        Self {
            summary,
            query: None,
            body: None,
            status: 204,
            answer: None,
            is_conditional: false,
            may_be_refused: false,
        }
    }

    /// Answers with JSON.
    pub(crate) const fn json<T: ToSchema>(self) -> Self {
        Self { status: 200, answer: Some(("application/json", reference::<T>)), ..self }
    }

    /// Answers with text of a type.
    pub(crate) const fn text(self, kind: &'static str) -> Self {
        Self { status: 200, answer: Some((kind, text)), ..self }
    }

    /// Answers with another status than 200.
    pub(crate) const fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) const fn query<Q: IntoParams>(self) -> Self {
        Self { query: Some(parameters::<Q>), ..self }
    }

    pub(crate) const fn body<T: ToSchema>(self) -> Self {
        Self { body: Some((reference::<T>, true)), may_be_refused: true, ..self }
    }

    pub(crate) const fn optional_body<T: ToSchema>(self) -> Self {
        Self { body: Some((reference::<T>, false)), may_be_refused: true, ..self }
    }

    /// Needs `If-Match`.
    pub(crate) const fn conditional(self) -> Self {
        Self { is_conditional: true, ..self }
    }
}

/// Returns the operation of a route, and adds the schemas that it refers to.
pub(crate) fn operation(
    doc: &Doc,
    (method, path, needs_right): (&str, &str, bool),
    schemas: &mut Schemas,
) -> Operation {
    let mut operation = OperationBuilder::new()
        .summary(Some(doc.summary))
        .operation_id(Some(id(method, path)))
        .parameters(Some(all_parameters(doc, method, path)));
    if let Some((schema, is_required)) = doc.body {
        let content = ContentBuilder::new().schema(Some(schema(schemas))).build();
        let body = RequestBodyBuilder::new().content("application/json", content);
        let required = if is_required { Required::True } else { Required::False };
        operation = operation.request_body(Some(body.required(Some(required)).build()));
    }
    let mut response = ResponseBuilder::new().description("Done");
    if let Some((kind, schema)) = doc.answer {
        response =
            response.content(kind, ContentBuilder::new().schema(Some(schema(schemas))).build());
    }
    operation = operation.response(doc.status.to_string(), response.build());
    for (status, description) in problems(doc, method, path, needs_right) {
        let schema = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let problem = ResponseBuilder::new().description(description);
        let problem = problem.content("application/problem+json", content).build();
        operation = operation.response(status.to_string(), problem);
    }
    let security =
        if needs_right { vec![SecurityRequirement::new("token", [""; 0])] } else { Vec::new() };
    operation.securities(Some(security)).build()
}

fn id(method: &str, path: &str) -> String {
    let words = path.strip_prefix("/api/v1").unwrap_or(path).split(['/', '{', '}', '.']);
    let words = words.filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

fn all_parameters(doc: &Doc, method: &str, path: &str) -> Vec<Parameter> {
    let mut all = doc.query.map_or_else(Vec::new, |query| query());
    let mut add = |place: ParameterIn, name: &str, schema: ObjectBuilder, description: &str| {
        // Those in the path are always required, and of the headers only `If-Match`.
        let is_required = place == ParameterIn::Path || name == "If-Match";
        let required = if is_required { Required::True } else { Required::False };
        let parameter = ParameterBuilder::new().name(name).parameter_in(place).required(required);
        let schema = schema.schema_type(Type::String).build();
        all.push(parameter.description(Some(description)).schema(Some(schema)).build());
    };
    let string = ObjectBuilder::new;
    if path.contains("{job}") {
        let schema = string().pattern(Some("^[A-Za-z0-9]+:[A-Za-z0-9]+$"));
        let text = "The `path` of a job: `JOBSTORE:ID`, each percent-encoded";
        add(ParameterIn::Path, "job", schema, text);
    }
    if path.contains("{run}") {
        let schema = string().format(Some(SchemaFormat::Custom("uuid".to_owned())));
        add(ParameterIn::Path, "run", schema, "The identifier of a run");
    }
    if doc.is_conditional {
        let schema = string().pattern(Some(r#"^(\*|"[0-9]{1,18}")$"#));
        let text = "The `ETag` of the job as it was read, or `*`";
        add(ParameterIn::Header, "If-Match", schema, text);
    }
    if method == "post" {
        let schema = string().pattern(Some("^[!-~]{1,255}$"));
        let text = "A request that is sent again with its key is done once";
        add(ParameterIn::Header, "Idempotency-Key", schema, text);
    }
    if path.ends_with("/events") {
        let text = "The identifier of the last event that was read";
        add(ParameterIn::Header, "Last-Event-ID", string(), text);
    }
    all
}

fn problems(doc: &Doc, method: &str, path: &str, needs_right: bool) -> Vec<(u16, &'static str)> {
    let changes_a_job = method != "get" && (path.contains("{job}") || path.ends_with("/jobs"));
    let all = [
        (
            400,
            doc.query.is_some() || path.contains('{') || method == "post" || doc.body.is_some(),
            "The query, the path or the body can't be read",
        ),
        (401, needs_right, "Nobody is known by this token"),
        (403, needs_right, "The right is missing"),
        (
            404,
            path.contains('{') || doc.query.is_some() || method == "post",
            "There is no such thing",
        ),
        (409, method != "get", "It exists already, or is in another state"),
        (412, doc.is_conditional, "The job has changed since it was read"),
        (413, doc.body.is_some() || method == "post", "The body is too large"),
        (415, doc.body.is_some(), "The body is not JSON"),
        (421, true, "The server has other names"),
        (
            422,
            doc.may_be_refused || changes_a_job || method == "post" || doc.query.is_some(),
            "The request is not valid",
        ),
        (428, doc.is_conditional || path.ends_with("/batch/remove"), "The revision is missing"),
        (429, needs_right, "Too many requests"),
        (500, true, "The server has a defect, or a store refuses the call"),
        (503, true, "A store can't be reached, or the scheduler does not work"),
        (504, true, "The answer takes too long"),
    ];
    all.into_iter()
        .filter(|(_, may_be, _)| *may_be)
        .map(|(status, _, text)| (status, text))
        .collect()
}

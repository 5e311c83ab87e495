//! The document `openapi.json`, made of the table of routes.

use std::sync::LazyLock;

use utoipa::openapi::path::{HttpMethod, PathItem, PathsBuilder};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::doc::{operation, schemas};
use crate::routes::{ROUTES, Verb};

/// Returns the document as JSON.
pub(crate) fn document() -> &'static str {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| serde_json::to_string_pretty(&made()).unwrap_or_default());
    &TEXT
}

fn made() -> OpenApi {
    let problem = (schemas::Problem::name().into_owned(), schemas::Problem::schema());
    let run = (schemas::Run::name().into_owned(), schemas::Run::schema());
    let job = (schemas::Job::name().into_owned(), schemas::Job::schema());
    let mut all = vec![problem, run, job];
    let mut paths = PathsBuilder::new();
    for route in ROUTES {
        let (name, method) = match route.method {
            Verb::Get => ("get", HttpMethod::Get),
            Verb::Post => ("post", HttpMethod::Post),
            Verb::Patch => ("patch", HttpMethod::Patch),
            Verb::Delete => ("delete", HttpMethod::Delete),
        };
        let made = operation(&route.doc, (name, route.path, route.right.is_some()), &mut all);
        paths = paths.path(route.path, PathItem::new(method, made));
    }
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all.dedup_by(|(one, _), (other, _)| one == other);
    let token = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let components =
        ComponentsBuilder::new().schemas_from_iter(all).security_scheme("token", token);
    let info = InfoBuilder::new()
        .title("apscheduler")
        .version("1")
        .description(Some("The HTTP API of the apscheduler job scheduler"));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths.build())
        .components(Some(components.build()))
        .build()
}

//! The document `openapi.json`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::client::Client;
use crate::routes::ROUTES;

#[test]
fn the_document_is_as_it_was_reviewed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let document = crate::openapi::document().to_owned() + "\n";
    if std::env::var_os("APSCHEDULER_RENEW").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        document == reviewed,
        "the document is not that of openapi.json; review the change after `APSCHEDULER_RENEW=1 cargo test -p apscheduler-interface-http openapi`"
    );
}

#[test]
fn it_has_the_routes_of_the_table_and_no_others() {
    let client = Client::new();
    let document = client.get("/openapi.json").body;
    assert_eq!(client.get("/api/v1/openapi.json").body, document);
    let operations = document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| (method.clone(), path.clone()))
    });
    let operations: BTreeSet<(String, String)> = operations.collect();
    let routes = ROUTES
        .iter()
        .map(|route| (format!("{:?}", route.method).to_lowercase(), route.path.to_owned()));
    assert_eq!(operations, routes.collect());
}

#[test]
fn each_reference_is_to_a_schema() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(table) => {
                found.extend(table.get("$ref").and_then(Value::as_str));
                table.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document: Value = serde_json::from_str(crate::openapi::document()).unwrap();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let target = document.pointer(reference.strip_prefix('#').unwrap());
        assert!(target.is_some_and(|schema| schema.as_object().unwrap().len() > 1), "{reference}");
    }
}

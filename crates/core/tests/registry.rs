//! Lookups in registries, and the errors for unknown names.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use serde_json::{Value, json};

use apscheduler_core::ErrorKind;
use apscheduler_core::registry::{
    AbsentPlugin, ComponentConfig, IntoExecutor as _, Plugin, PluginKind, Registry,
};
use apscheduler_executor_debug::DebugExecutor;
use apscheduler_store_memory::MemoryJobStore;

fn acme(crate_name: &'static str) -> Plugin {
    Plugin::job_store("acme", &|_| Ok(Arc::new(MemoryJobStore::new())))
        .aliases(&["acme-store"])
        .classes(&["acme.stores:AcmeJobStore"])
        .url_schemes(&["acme"])
        .source(crate_name, "1.2.3")
}

#[test]
fn names_aliases_classes_and_schemes_find_a_plugin() {
    let registry = Registry::empty();
    registry.register(acme("acme-apscheduler")).unwrap();
    for name in ["acme", "acme-store", "acme.stores:AcmeJobStore"] {
        assert_eq!(registry.find(PluginKind::JobStore, name).unwrap().name(), "acme");
    }
    for scheme in ["acme", "acme+driver"] {
        assert_eq!(registry.find_by_scheme(scheme).unwrap().name(), "acme");
    }
    assert!(registry.find(PluginKind::Executor, "acme").is_err());
}

#[test]
fn a_name_used_by_two_crates_is_an_error_that_names_both() {
    let registry = Registry::empty();
    registry.register(acme("first")).unwrap();
    registry.register(acme("first")).unwrap();
    let error = registry.register(acme("second")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DuplicateName);
    assert_eq!(
        error.to_string(),
        "two job store plugins are named `acme`: one from the crate `first` 1.2.3, one from the crate `second` 1.2.3"
    );
}

#[test]
fn the_error_of_an_absent_plugin_has_its_remedy() {
    let registry = apscheduler_testkit::registry();
    registry.register_absent(
        AbsentPlugin::new(PluginKind::JobStore, &["redis"], "enable the feature `store-redis`")
            .classes(&["apscheduler.jobstores.redis:RedisJobStore"]),
    );
    for name in ["redis", "apscheduler.jobstores.redis:RedisJobStore"] {
        assert_eq!(
            registry.find(PluginKind::JobStore, name).unwrap_err().to_string(),
            format!(
                "job store `{name}` is not linked in; enable the feature `store-redis`; linked in: memory"
            )
        );
    }
}

#[test]
fn the_error_of_an_absent_function_has_its_remedy() {
    let registry = Registry::empty();
    registry.register_absent_function("http", "enable the feature `function-http`");
    let error = registry.function("http").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownFunction);
    assert_eq!(
        error.to_string(),
        "the function `http` is not linked in; enable the feature `function-http`"
    );
    registry.register_function("http", || ()).unwrap();
    assert!(registry.function("http").is_ok());
}

#[test]
fn sqlalchemy_selects_a_store_by_the_scheme_of_its_url() {
    let registry = Registry::empty();
    registry.register(acme("acme")).unwrap();
    let build =
        |options: Value| registry.build_job_store("sqlalchemy", options.as_object().unwrap());
    assert!(build(json!({"url": "acme+x://host"})).is_ok());
    let error = build(json!({"url": "oracle://scott:tiger@host"})).unwrap_err().to_string();
    assert_eq!(error, "no job store takes `oracle:` URLs; known URL schemes: acme");
    assert!(build(json!({})).unwrap_err().to_string().contains("needs `url`"));
}

#[test]
fn plugins_may_be_closures() {
    let registry = Registry::empty();
    registry.register(Plugin::executor_fn("mine", |_| Ok(Arc::new(DebugExecutor::new())))).unwrap();
    assert!(ComponentConfig::new("mine").into_executor().resolve(&registry).is_ok());
}

#[test]
fn type_takes_precedence_over_class() {
    let config =
        ComponentConfig::from_value("x", &json!({"class": "a:B", "type": "memory", "url": "u"}))
            .unwrap();
    assert_eq!((config.name.as_str(), config.options.len()), ("memory", 1));
}

#[test]
fn a_misplaced_url_is_not_shown() {
    let url = "acme://:S3cr3t@host";
    let registry = Registry::empty();
    registry.register(acme("acme")).unwrap();
    let error = registry.find(PluginKind::JobStore, url).unwrap_err().to_string();
    assert_eq!(
        error,
        "unknown job store `acme://...`: this is a URL, which belongs in the option `url`; did you mean `acme`? known job stores: acme, acme-store"
    );
    let cases = [
        (
            json!(url),
            "x: expected a table with `type` or `class` and options, found text; a URL belongs in `url` of that table",
        ),
        (json!([url]), "x: expected a table with `type` or `class` and options, found a list"),
        (json!({"type": [url]}), "x: `type` and `class` are text, found a list"),
        (json!({"class": {"url": url}}), "x: `type` and `class` are text, found a table"),
    ];
    for (given, expected) in cases {
        let error = ComponentConfig::from_value("x", &given).unwrap_err().to_string();
        assert_eq!(error, expected);
    }
}

#[test]
fn a_function_has_one_name_and_python_references_find_it() {
    let registry = Registry::empty();
    registry.register_function("shop::ship", || ()).unwrap();
    registry.register_function("shop::orders::pack", || ()).unwrap();
    for reference in ["shop:ship", "shop.orders:pack", "shop::orders:pack", "shop:orders.pack"] {
        assert!(registry.function(reference).is_ok(), "{reference}");
    }
    assert_eq!(
        registry.register_function("shop::ship", || ()).unwrap_err().kind(),
        ErrorKind::DuplicateName
    );
    let error = registry.function("shop::shp").unwrap_err().to_string();
    assert!(error.contains("did you mean `shop::ship`?"), "{error}");
}

//! `sqlalchemy` selects the store for the scheme of the URL, and accepts the URLs of SQLAlchemy.

use apscheduler::builtin::new_registry;
use serde_json::json;

/// URLs, the feature with their store, whether this build has it, and the type of the store.
static URLS: &[(&str, &str, bool, &str)] = &[
    ("sqlite:///jobs.sqlite", "store-sqlite", cfg!(feature = "store-sqlite"), "SqliteJobStore"),
    ("postgresql://u:secret@db/jobs", "store-postgres", POSTGRES, "PostgresJobStore"),
    ("postgresql+psycopg2://u:secret@db/jobs", "store-postgres", POSTGRES, "PostgresJobStore"),
    ("mysql://u:secret@db/jobs", "store-mysql", MYSQL, "MySqlJobStore"),
    ("mysql+pymysql://u:secret@db/jobs?charset=utf8mb4", "store-mysql", MYSQL, "MySqlJobStore"),
    ("mysql+mysqldb://u:secret@db/jobs", "store-mysql", MYSQL, "MySqlJobStore"),
    ("mariadb://u:secret@db/jobs", "store-mysql", MYSQL, "MySqlJobStore"),
    ("mariadb+mariadbconnector://u:secret@db/jobs", "store-mysql", MYSQL, "MySqlJobStore"),
];

const POSTGRES: bool = cfg!(feature = "store-postgres");
const MYSQL: bool = cfg!(feature = "store-mysql");

#[test]
fn selects_a_store_by_the_scheme_of_its_url() {
    let registry = new_registry();
    for (url, feature, is_there, store) in URLS {
        let options = json!({"url": url, "tablename": "shop_jobs"});
        let built = registry.build_job_store("sqlalchemy", options.as_object().expect("a table"));
        let text = match &built {
            Ok(built) => format!("{built:?}"),
            Err(error) => format!("{} {error:?}", error.chain()),
        };
        assert_eq!(built.is_ok(), *is_there, "{url}: {text}");
        assert!(text.contains(if *is_there { store } else { feature }), "{url}: {text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

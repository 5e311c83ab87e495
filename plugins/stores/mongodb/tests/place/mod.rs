//! The server of the tests, and collections in it.

use apscheduler_store_mongodb::MongoDbOptions;
use mongodb::bson::{Document, doc};
use mongodb::{Client, Collection};
use tokio::runtime::Runtime;

/// The collection with the versions.
pub(crate) const META: &str = "apscheduler_meta";

const DATABASE: &str = "apscheduler_test";

/// The URL of the server.
pub(crate) fn url() -> String {
    std::env::var("APSCHEDULER_TEST_MONGODB").unwrap_or_else(|_| {
        panic!(
            "no MongoDB server to test with: run `cargo xtask test`, or set APSCHEDULER_TEST_MONGODB to a URL such as \
             mongodb://127.0.0.1:27017/?directConnection=true"
        )
    })
}

/// Returns the name of a collection for one test.
pub(crate) fn new_collection() -> String {
    format!("jobs_{}", uuid::Uuid::new_v4().simple())
}

/// Returns the options of a store in this collection.
pub(crate) fn options(collection: &str) -> MongoDbOptions {
    MongoDbOptions::default().url(url()).database(DATABASE).collection(collection)
}

/// Accesses a collection, bypassing the store.
pub(crate) fn with_collection<T>(
    name: &str,
    work: impl AsyncFnOnce(Collection<Document>) -> mongodb::error::Result<T>,
) -> T {
    let runtime = Runtime::new().expect("a runtime");
    let done = runtime.block_on(async {
        let client = Client::with_uri_str(url()).await?;
        let done = work(client.database(DATABASE).collection(name)).await;
        client.shutdown().await;
        done
    });
    done.expect("the server of APSCHEDULER_TEST_MONGODB answers")
}

/// Drops a collection and those beside it, and removes its version.
pub(crate) fn remove(collection: &str) {
    for suffix in ["", "_runs", "_owners", "_open"] {
        with_collection(&format!("{collection}{suffix}"), async |dropped| dropped.drop().await);
    }
    with_collection(META, async |meta| meta.delete_one(doc! {"_id": collection}).await);
}

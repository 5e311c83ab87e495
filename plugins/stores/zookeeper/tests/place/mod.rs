//! The server of the tests, and nodes in it.

use apscheduler_store_zookeeper::ZooKeeperOptions;
use apscheduler_testkit::stores::{new_name, server_url};
use tokio::runtime::Runtime;
use zookeeper_client::{Acls, Client, CreateMode};

/// Returns the host and the port of the server.
pub(crate) fn hosts() -> String {
    server_url("APSCHEDULER_TEST_ZOOKEEPER")
}

/// Returns the path of one test.
pub(crate) fn new_path() -> String {
    format!("/{}/jobs", new_name())
}

/// Returns the options of a store at this path.
pub(crate) fn options(path: &str) -> ZooKeeperOptions {
    ZooKeeperOptions::default().hosts(hosts()).path(path)
}

/// Calls the server, bypassing the store.
pub(crate) fn with_client<T>(work: impl AsyncFnOnce(&Client) -> T) -> T {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = Client::connect(&hosts()).await;
        work(&client.expect("the server of APSCHEDULER_TEST_ZOOKEEPER answers")).await
    })
}

/// Returns the path below which a store has its nodes.
pub(crate) async fn base(client: &Client, path: &str) -> String {
    let (data, _) = client.get_data(path).await.expect("a store was here");
    let data = String::from_utf8(data).expect("text");
    format!("{path}/{}", data.rsplit(' ').next().expect("a name"))
}

/// Returns a node and all nodes below it, each after those below it.
pub(crate) async fn all(client: &Client, path: &str) -> Vec<String> {
    let (mut left, mut found) = (vec![path.to_owned()], Vec::new());
    while !left.is_empty() {
        let lists: Vec<_> = left.iter().map(|path| client.get_children(path)).collect();
        let mut below = Vec::new();
        for (path, list) in left.into_iter().zip(lists) {
            if let Ok((names, _)) = list.await {
                below.extend(names.iter().map(|name| format!("{path}/{name}")));
                found.push(path);
            }
        }
        left = below;
    }
    found.reverse();
    found
}

/// Returns the node of the job with this id, a plain word.
pub(crate) async fn job(client: &Client, path: &str, id: &str) -> String {
    let nodes = all(client, &format!("{}/jobs", base(client, path).await)).await;
    let is_job = |node: &String| node.rsplit('/').next() == Some(id);
    nodes.into_iter().find(is_job).expect("the job exists")
}

/// Creates a node, and those above it.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) async fn create(client: &Client, path: &str, data: &[u8]) {
    let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
    client.mkdir(path, &options).await.expect("created");
    client.set_data(path, data, None).await.expect("written");
}

/// Removes a node and all nodes below it.
pub(crate) fn remove(path: &str) {
    with_client(async |client| {
        // Sent at once. The server removes empty folders itself.
        let deleted: Vec<_> =
            all(client, path).await.iter().map(|node| client.delete(node, None)).collect();
        for deleted in deleted {
            let _ = deleted.await;
        }
    });
}

//! The server of the tests, and paths in it.

use std::future::Future;

use apscheduler_store_etcd::EtcdOptions;
use apscheduler_testkit::stores::{new_name, server_url};
use etcd_client::{Client, ConnectOptions, DeleteOptions, GetOptions, KvClient};

/// Returns its URL.
pub(crate) fn url() -> String {
    server_url("APSCHEDULER_TEST_ETCD")
}

/// Returns the path of one test.
pub(crate) fn new_path() -> String {
    format!("/{}", new_name())
}

/// Returns the options of a store with this path.
pub(crate) fn options(path: &str) -> EtcdOptions {
    EtcdOptions::default().endpoints([url()]).path(path)
}

/// Calls the server, bypassing the store.
pub(crate) fn call<F, T>(call: impl FnOnce(KvClient) -> F) -> T
where
    F: Future<Output = Result<T, etcd_client::Error>>,
{
    call_as(None, async |client| call(client.kv_client()).await)
}

/// Calls the server as this user.
pub(crate) fn call_as<T>(
    user: Option<(&str, &str)>,
    call: impl AsyncFnOnce(Client) -> Result<T, etcd_client::Error>,
) -> T {
    let options = user.map(|(name, password)| ConnectOptions::new().with_user(name, password));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = Client::connect([url()], options).await;
        let client = client.expect("the server of APSCHEDULER_TEST_ETCD answers");
        call(client).await.expect("it does what it is asked for")
    })
}

/// Writes a key, and returns what it was before.
#[allow(dead_code, reason = "not all tests write keys")]
pub(crate) fn put(key: String, value: &str) -> Option<String> {
    let value = value.to_owned();
    call(|mut kv| async move {
        let before = kv.get(key.clone(), None).await?;
        kv.put(key, value, None).await?;
        let before = before.kvs().first();
        Ok(before.map(|found| String::from_utf8_lossy(found.value()).into_owned()))
    })
}

/// Returns all keys of a path, and their values.
#[allow(dead_code, reason = "not all tests look")]
pub(crate) fn keys(path: &str) -> Vec<(String, String)> {
    let prefix = format!("{path}/");
    call(|mut kv| async move {
        let found = kv.get(prefix.clone(), Some(GetOptions::new().with_prefix())).await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let keys = found
            .kvs()
            .iter()
            .map(|found| (text(found.key()).replacen(&prefix, "", 1), text(found.value())));
        Ok(keys.collect())
    })
}

/// Deletes all keys of a path. Not at once, because that makes etcd 3.4 slow for good.
pub(crate) fn remove(path: &str) {
    let prefix = format!("{path}/");
    call(|mut kv| async move {
        loop {
            let page = GetOptions::new().with_prefix().with_limit(1000).with_keys_only();
            let page = kv.get(prefix.clone(), Some(page)).await?;
            let (Some(first), Some(last)) = (page.kvs().first(), page.kvs().last()) else {
                return Ok(());
            };
            let end = [last.key(), b"\0"].concat();
            kv.delete(first.key(), Some(DeleteOptions::new().with_range(end))).await?;
        }
    });
}

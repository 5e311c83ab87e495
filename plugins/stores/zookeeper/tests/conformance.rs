//! The conformance suite of job stores, on the server of `APSCHEDULER_TEST_ZOOKEEPER`.

mod place;

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::store::JobStore;
use apscheduler_store_zookeeper::ZooKeeperJobStore;
use apscheduler_testkit::stores::{
    self, Corrupt, Empty, Occupy, OverlappingClaims, ReadOnlyUser, SetVersion, StoreHarness,
};
use zookeeper_client::{Acl, AuthId, Permission};

/// Each place is a separate path.
struct ZooKeeper;

impl StoreHarness for ZooKeeper {
    fn name(&self) -> &'static str {
        "zookeeper"
    }

    fn create(&self) -> String {
        place::new_path()
    }

    fn open(&self, address: &str) -> Arc<dyn JobStore> {
        let store = ZooKeeperJobStore::with_options(place::options(address));
        Arc::new(store.expect("the options are valid"))
    }

    fn url(&self) -> Option<String> {
        Some(format!("zookeeper://{}", place::hosts()))
    }

    fn open_at(&self, address: &str, url: &str) -> Arc<dyn JobStore> {
        let store = ZooKeeperJobStore::with_options(place::options(address).url(url));
        Arc::new(store.expect("the options are valid"))
    }

    fn meeting(&self) -> OverlappingClaims {
        OverlappingClaims::Optimistic
    }

    fn remove(&self, address: &str) {
        place::remove(address);
    }

    fn empty(&self) -> Option<Empty<'_>> {
        Some(&place::remove)
    }

    fn divisor(&self) -> usize {
        // Each job is two nodes, and the server writes each change of a node to its log on its own.
        5
    }

    fn corrupt(&self) -> Option<Corrupt<'_>> {
        Some(&|address, id| {
            place::with_client(async |client| {
                let job = place::job(client, address, id).await;
                let (data, _) = client.get_data(&job).await.expect("the record");
                let text = String::from_utf8(data).expect("text");
                let head: Vec<&str> = text.splitn(3, ' ').take(2).collect();
                let broken = format!("{} {} {{oops", head[0], head[1]);
                client.set_data(&job, broken.as_bytes(), None).await.expect("written");
            });
        })
    }

    fn set_version(&self) -> Option<SetVersion<'_>> {
        Some(&|address, version| {
            place::with_client(async |client| {
                let (data, _) = client.get_data(address).await.expect("the version");
                let text = String::from_utf8(data).expect("text");
                let words: Vec<&str> = text.split(' ').collect();
                let changed = format!("{} {version} {}", words[0], words[2]);
                client.set_data(address, changed.as_bytes(), None).await.expect("written");
                words[1].parse().expect("a number")
            })
        })
    }

    fn insert_foreign_data(&self) -> Option<Occupy<'_>> {
        Some(&|address| {
            place::with_client(async |client| {
                place::create(client, &format!("{address}/job"), b"a pickle").await;
            });
        })
    }

    fn read_only_user(&self) -> Option<ReadOnlyUser<'_>> {
        Some(&|address| {
            let readable = [Acl::new(Permission::READ, AuthId::anyone())];
            place::with_client(async |client| {
                let nodes = place::all(client, address).await;
                for node in nodes {
                    let (acl, _) = client.get_acl(&node).await.expect("read");
                    // The second time they are set already.
                    if acl != readable {
                        let set = client.set_acl(&node, &readable, None).await;
                        set.expect("nobody may write");
                    }
                }
            });
            ZooKeeper.open(address)
        })
    }
}

fn main() -> ExitCode {
    stores::run(vec![Arc::new(ZooKeeper)])
}

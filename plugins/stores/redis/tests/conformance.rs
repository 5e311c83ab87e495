//! The conformance suite of job stores, on the server of `APSCHEDULER_TEST_REDIS`.

mod keys;

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::store::JobStore;
use apscheduler_store_redis::RedisJobStore;
use apscheduler_testkit::stores::{
    self, Corrupt, Empty, Occupy, OverlappingClaims, ReadOnlyUser, SetVersion, StoreHarness,
};

/// Each place has its own keys.
struct Redis;

impl StoreHarness for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn create(&self) -> String {
        keys::new_keys()
    }

    fn open(&self, address: &str) -> Arc<dyn JobStore> {
        self.open_at(address, &keys::url())
    }

    fn url(&self) -> Option<String> {
        Some(keys::url())
    }

    fn open_at(&self, address: &str, url: &str) -> Arc<dyn JobStore> {
        let store = RedisJobStore::with_options(keys::options(address).url(url));
        Arc::new(store.expect("the options are valid"))
    }

    fn meeting(&self) -> OverlappingClaims {
        OverlappingClaims::Optimistic
    }

    fn remove(&self, address: &str) {
        keys::remove(address);
    }

    fn corrupt(&self) -> Option<Corrupt<'_>> {
        Some(&|address, id| {
            let mut connection = keys::connection();
            let jobs = keys::options(address).jobs_key;
            let record: String =
                redis::cmd("HGET").arg(&jobs).arg(id).query(&mut connection).expect("the record");
            let head: Vec<&str> = record.splitn(3, ' ').take(2).collect();
            let broken = format!("{} {} {{oops", head[0], head[1]);
            redis::cmd("HSET")
                .arg(&jobs)
                .arg(id)
                .arg(broken)
                .exec(&mut connection)
                .expect("written");
        })
    }

    fn read_only_user(&self) -> Option<ReadOnlyUser<'_>> {
        Some(&|address| {
            // Not tied to a database, so that all places can share it.
            let user = "apscheduler_reader";
            redis::cmd("ACL")
                .arg(&[
                    "SETUSER",
                    user,
                    "on",
                    ">secret",
                    "~*",
                    "&*",
                    "-@all",
                    "+@read",
                    "+@connection",
                ])
                .exec(&mut keys::connection())
                .expect("the user is created");
            let url = keys::url();
            let (scheme, rest) = url.split_once("://").expect("a URL");
            let server = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
            Redis.open_at(address, &format!("{scheme}://{user}:secret@{server}"))
        })
    }

    fn empty(&self) -> Option<Empty<'_>> {
        Some(&keys::remove)
    }

    fn set_version(&self) -> Option<SetVersion<'_>> {
        Some(&|address, version| {
            let mut connection = keys::connection();
            let meta = format!("{}.meta", keys::options(address).jobs_key);
            let before = redis::cmd("HGET").arg(&meta).arg("format").query(&mut connection);
            let set =
                redis::cmd("HSET").arg(&meta).arg("format").arg(version).exec(&mut connection);
            set.expect("written");
            before.expect("a format")
        })
    }

    fn insert_foreign_data(&self) -> Option<Occupy<'_>> {
        Some(&|address| {
            let jobs = keys::options(address).jobs_key;
            let theirs = redis::cmd("HSET")
                .arg(&jobs)
                .arg("job")
                .arg("a pickle")
                .exec(&mut keys::connection());
            theirs.expect("written");
        })
    }
}

fn main() -> ExitCode {
    stores::run(vec![Arc::new(Redis)])
}

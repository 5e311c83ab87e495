//! The conformance suite of job stores, on a real server.

mod database;

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::store::JobStore;
use apscheduler_store_postgres::{PostgresJobStore, PostgresOptions};
use apscheduler_testkit::stores::{
    self, Corrupt, Empty, Occupy, OverlappingClaims, ReadOnlyUser, SetRunTime, SetVersion,
    StoreHarness,
};

/// Each place is a separate table.
struct Postgres;

impl StoreHarness for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn create(&self) -> String {
        stores::new_name()
    }

    fn open(&self, address: &str) -> Arc<dyn JobStore> {
        self.open_at(address, &database::url())
    }

    fn url(&self) -> Option<String> {
        Some(database::url())
    }

    fn open_at(&self, address: &str, url: &str) -> Arc<dyn JobStore> {
        let options = PostgresOptions::new(url).tablename(address);
        Arc::new(PostgresJobStore::with_options(options).expect("valid options"))
    }

    fn meeting(&self) -> OverlappingClaims {
        OverlappingClaims::SkipsLocked
    }

    fn remove(&self, address: &str) {
        database::drop_tables(address);
    }

    fn corrupt(&self) -> Option<Corrupt<'_>> {
        Some(&|table, id| {
            let update = format!("UPDATE {table} SET job_state = '{{\"oops' WHERE id = $1");
            let updated = database::connected(async |client| client.execute(&update, &[&id]).await);
            assert_eq!(updated, 1, "the job {id:?} exists");
        })
    }

    fn read_only_user(&self) -> Option<ReadOnlyUser<'_>> {
        Some(&|address| {
            let (user, password) = ("apscheduler_reader", "secret");
            // Several cases may create the user at the same time.
            database::execute(&format!(
                "SELECT pg_advisory_lock(4711);
                 DO $$ BEGIN
                   IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{user}') THEN
                     CREATE ROLE {user} LOGIN PASSWORD '{password}';
                   END IF;
                 END $$;
                 GRANT SELECT ON {address}, {address}_claims, {address}_runs, {address}_open, apscheduler_meta TO {user};
                 SELECT pg_advisory_unlock(4711)"
            ));
            let url = database::url();
            let (scheme, rest) = url.split_once("://").expect("a URL");
            let server = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
            Postgres.open_at(address, &format!("{scheme}://{user}:{password}@{server}"))
        })
    }

    fn empty(&self) -> Option<Empty<'_>> {
        Some(&database::drop_tables)
    }

    fn set_run_time(&self) -> Option<SetRunTime<'_>> {
        Some(&|table, id, number| {
            let update = format!("UPDATE {table} SET next_run_time = $2 WHERE id = $1");
            let updated =
                database::connected(async |client| client.execute(&update, &[&id, &number]).await);
            assert_eq!(updated, 1, "the job {id:?} exists");
        })
    }

    fn set_version(&self) -> Option<SetVersion<'_>> {
        Some(&|address, version| {
            let version = i32::try_from(version).expect("a version");
            let before = "SELECT version FROM apscheduler_meta WHERE tablename = $1";
            let update = "UPDATE apscheduler_meta SET version = $2 WHERE tablename = $1";
            database::connected(async |client| {
                let before: i32 = client.query_one(before, &[&address]).await?.get(0);
                client.execute(update, &[&address, &version]).await?;
                Ok(before.into())
            })
        })
    }

    fn insert_foreign_data(&self) -> Option<Occupy<'_>> {
        Some(&|address| {
            database::execute(&format!(
                "CREATE TABLE {address} (id varchar(191) PRIMARY KEY, job_state bytea)"
            ));
        })
    }
}

fn main() -> ExitCode {
    stores::run(vec![Arc::new(Postgres)])
}

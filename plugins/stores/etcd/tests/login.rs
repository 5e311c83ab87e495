//! Logins, on a server of these tests' own: on the one that all tests share, everybody would have to log in.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use apscheduler_core::ledger::RunQuery;
use apscheduler_core::store::{JobPayload, JobStore, NewRecord};
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_etcd::{EtcdJobStore, EtcdOptions};
use apscheduler_testkit::eventually;
use apscheduler_testkit::stores::new_name;
use etcd_client::{Client, Permission};

/// A server on which `ann` may do everything under `/shop`, and `reader` may read there.
struct Server {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Server {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(new_name());
        let [port, peer] = [(); 2].map(|()| {
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
        });
        let [url, peer] = [port, peer].map(|port| format!("http://127.0.0.1:{port}"));
        let mut command = Command::new("etcd");
        command.arg("--data-dir").arg(&folder).args(["--log-level", "error"]);
        command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("default={peer}")]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("etcd is installed; `cargo xtask test` does that");
        let server = Self { child, folder, port };
        eventually("the server answers", || server.open("/shop", None).start("default").is_ok());
        server.call(async |client| {
            client.user_add("root", "root-word", None).await?;
            client.user_grant_role("root", "root").await?;
            let range = |permission: Permission| permission.with_prefix();
            let may =
                [("ann", Permission::read_write("/shop/")), ("reader", Permission::read("/shop/"))];
            for (name, permission) in may {
                client.role_add(name).await?;
                client.role_grant_permission(name, range(permission)).await?;
                client.user_add(name, "pass-word", None).await?;
                client.user_grant_role(name, name).await?;
            }
            client.auth_enable().await
        });
        server
    }

    fn call<T>(&self, call: impl AsyncFnOnce(&mut Client) -> Result<T, etcd_client::Error>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let url = format!("http://127.0.0.1:{}", self.port);
            call(&mut Client::connect([url], None).await.unwrap()).await.unwrap()
        })
    }

    fn open(&self, path: &str, login: Option<(&str, &str)>) -> EtcdJobStore {
        let mut options = EtcdOptions::default().host("127.0.0.1").port(self.port).path(path);
        options = options.timeout(Duration::from_secs(5));
        if let Some((user, password)) = login {
            options = options.login(user, password);
        }
        EtcdJobStore::with_options(options).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn assert_refused(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.to_string().contains("refused this user or password"), "{}", error.chain());
    let everything = format!("{error:?} {}", error.chain());
    assert!(!everything.contains("-word"), "{everything}");
}

#[test]
fn a_login_may_do_what_its_role_allows() {
    let server = Server::start();
    let ann = server.open("/shop", Some(("ann", "pass-word")));
    ann.start("default").unwrap();
    let state = JobPayload::Encoded(r#"{"version":1}"#.into());
    ann.add_jobs(vec![NewRecord::new("a", None, state.clone())]).unwrap();

    let reader = server.open("/shop", Some(("reader", "pass-word")));
    reader.start_read_only("default").unwrap();
    assert_eq!(reader.get_jobs(None, 10).unwrap().len(), 1);
    assert!(reader.lookup_job("a").unwrap().is_some());
    assert_eq!(reader.next_run_time(None).unwrap(), None);
    assert!(reader.ledger().unwrap().runs(&RunQuery::new()).unwrap().is_empty());
    reader.shutdown().unwrap();
    reader.start("default").unwrap();
    assert_refused(&reader.add_jobs(vec![NewRecord::new("b", None, state)]).unwrap_err());

    for (path, login) in [
        ("/shop", None),
        ("/shop", Some(("ann", "wrong-word"))),
        ("/shop", Some(("nobody", "pass-word"))),
        ("/bank", Some(("ann", "pass-word"))),
    ] {
        assert_refused(&server.open(path, login).start("default").unwrap_err());
    }
    assert_eq!(ann.get_jobs(None, 10).unwrap().len(), 1);
}

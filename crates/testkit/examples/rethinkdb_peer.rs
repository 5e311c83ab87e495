//! Runs a peer for RethinkDB clients until it is killed:
//! `rethinkdb_peer PORT [--password PASSWORD] [--data FILE] [--tls PORT CERTIFICATE KEY]`.

use std::process::ExitCode;

use apscheduler_testkit::rethinkdb::{PeerOptions, RethinkDbPeer};

const USAGE: &str =
    "usage: rethinkdb_peer PORT [--password PASSWORD] [--data FILE] [--tls PORT CERTIFICATE KEY]";

fn options() -> Option<PeerOptions> {
    let mut words = std::env::args().skip(1);
    let mut options = PeerOptions::default();
    options.port = words.next()?.parse().ok()?;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--password" => options.password = words.next()?,
            "--data" => options.data = Some(words.next()?.into()),
            "--tls" => {
                let port = words.next()?.parse().ok()?;
                options.tls = Some((port, words.next()?.into(), words.next()?.into()));
            }
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    match RethinkDbPeer::start(&options) {
        Ok(peer) => {
            eprintln!("listening on {}", peer.address());
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            eprintln!("can't start: {error}");
            ExitCode::FAILURE
        }
    }
}

//! Runs a peer for RethinkDB clients until it is killed:
//! `rethinkdb_peer PORT [--password PASSWORD] [--data FILE] [--tls PORT CERTIFICATE KEY]`.

use std::process::ExitCode;

use apscheduler_testkit::rethinkdb::{PeerOptions, RethinkDbPeer};

const USAGE: &str =
    "usage: rethinkdb_peer PORT [--password PASSWORD] [--data FILE] [--tls PORT CERTIFICATE KEY]";

fn options() -> Option<PeerOptions> {
    let mut words = std::env::args().skip(1);
    let mut options = PeerOptions::default().port(words.next()?.parse().ok()?);
    while let Some(word) = words.next() {
        options = match word.as_str() {
            "--password" => options.password(words.next()?),
            "--data" => options.data(words.next()?),
            "--tls" => {
                let port = words.next()?.parse().ok()?;
                options.tls(port, words.next()?, words.next()?)
            }
            _ => return None,
        };
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

//! The nodes that exist as long as the store does: created at the start, with a version for later releases.
//!
//! The node at the path of the options has the data `apscheduler VERSION NAME`, and all others are below `NAME`.

use apscheduler_core::{Error, ErrorKind};
use zookeeper_client::Error as ClientError;

use crate::address::Config;
use crate::failure::{Attempt, Failure};
use crate::names::STORE_NAME;
use crate::nodes::Nodes;
use crate::session::Session;
use crate::transaction::{Operation, Outcome, commit};

/// What the data of the node begins with.
const MARK: &str = "apscheduler";

/// The version that this release creates and understands.
const VERSION: i64 = 1;

/// What is at the path.
enum Found {
    /// No node.
    Nothing,
    /// A node that nobody has used, with this version.
    Unused(i32),
    /// The nodes of a store.
    Store(String),
}

/// Returns the nodes of the store. Creates them if there are none.
pub(crate) async fn prepare(session: &Session, config: &Config) -> Attempt<Nodes> {
    loop {
        let (root, ancestors) = match look(session, config).await? {
            Found::Store(name) => return Ok(Nodes::new(&config.path, &name)),
            Found::Nothing => (None, true),
            Found::Unused(version) => (Some(version), false),
        };
        if ancestors
            && let Some((parent, _)) = config.path.rsplit_once('/')
            && !parent.is_empty()
        {
            let options = session.persistent();
            session.client.mkdir(parent, &options).await.map_err(Failure::of_write)?;
        }
        let name = format!("store-{:08x}", uuid::Uuid::new_v4().as_u64_pair().0 >> 32);
        let nodes = Nodes::new(&config.path, &name);
        let (path, data) = (config.path.clone(), format!("{MARK} {VERSION} {name}"));
        let mut operations = vec![match root {
            None => Operation::create(path, data),
            Some(version) => Operation::set(path, data, version),
        }];
        operations.extend(nodes.fixed().into_iter().map(|path| Operation::create(path, "")));
        match commit(session, &operations).await? {
            Outcome::Committed => return Ok(nodes),
            // Another process was first.
            Outcome::Refused(
                _,
                ClientError::NodeExists | ClientError::BadVersion | ClientError::NoNode,
            ) => {}
            Outcome::Refused(_, error) => return Err(Failure::Refused(error)),
        }
    }
}

/// Returns the nodes of the store, or `None` if there are none. Changes nothing.
pub(crate) async fn find(session: &Session, config: &Config) -> Attempt<Option<Nodes>> {
    Ok(match look(session, config).await? {
        Found::Store(name) => Some(Nodes::new(&config.path, &name)),
        Found::Nothing | Found::Unused(_) => None,
    })
}

async fn look(session: &Session, config: &Config) -> Attempt<Found> {
    let Some((data, stat)) = session.get(&config.path).await? else { return Ok(Found::Nothing) };
    let text = String::from_utf8_lossy(&data);
    let mut words = text.split(' ');
    let is_ours = words.next() == Some(MARK);
    let version = words.next().and_then(|version| version.parse::<i64>().ok());
    match (is_ours.then_some(version).flatten(), words.next()) {
        (Some(version), _) if version > VERSION => Err(too_new(config, version).into()),
        (Some(_), Some(name)) => {
            let base = session.stat(Nodes::new(&config.path, name).base()).await?;
            // The nodes may have been removed manually.
            Ok(base.map_or(Found::Unused(stat.version), |_| Found::Store(name.to_owned())))
        }
        _ if data.is_empty() && stat.num_children == 0 => Ok(Found::Unused(stat.version)),
        _ => Err(foreign(config).into()),
    }
}

fn too_new(config: &Config, version: i64) -> Error {
    refusal(format!(
        "the node {} has the schema version {version}, and this release knows versions up to {VERSION}; update {}, or \
         choose another `path`",
        place(config),
        env!("CARGO_PKG_NAME"),
    ))
}

fn foreign(config: &Config) -> Error {
    refusal(format!(
        "the node {} is in use, but was not created by this job store; if it is that of Python's APScheduler, whose jobs are \
         pickles, choose another `path`",
        place(config),
    ))
}

fn refusal(message: String) -> Error {
    Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME)
}

/// Returns the node and the server for a message.
pub(crate) fn place(config: &Config) -> String {
    format!("`{}` at {}", config.path, config.address.shown)
}

//! The calls of a store and of its ledger: scripts on the keys, and what they find out about the keys.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::Replacement;
use redis::{Cmd, Value};

use crate::answer::{texts, unexpected};
use crate::claim_script::ClaimScripts;
use crate::connection::{Connections, Repeat};
use crate::keys::{KeyMetadata, Keys};
use crate::ledger_script::LedgerScripts;
use crate::names::STORE_NAME;
use crate::read_only;
use crate::script::{FORMAT, LEDGER_FORMAT, Script, Scripts};

/// What the calls of a store and of its ledger share.
pub(crate) struct Access {
    pub(crate) connections: Arc<Connections>,
    pub(crate) scripts: Scripts,
    pub(crate) claim_scripts: ClaimScripts,
    pub(crate) ledger_scripts: LedgerScripts,
    pub(crate) keys: Keys,
    pub(crate) replacement: Replacement,
    /// The identity of the keys since the store was started. Replaced keys have another one.
    identity: Mutex<String>,
    is_read_only: AtomicBool,
}

impl Access {
    pub(crate) fn new(connections: Connections, keys: Keys) -> Self {
        Self {
            connections: Arc::new(connections),
            scripts: Scripts::new(),
            claim_scripts: ClaimScripts::new(),
            ledger_scripts: LedgerScripts::new(),
            keys,
            replacement: Replacement::default(),
            identity: Mutex::default(),
            is_read_only: AtomicBool::new(false),
        }
    }

    /// Checks the keys, and creates those that are missing.
    pub(crate) fn start(&self) -> Result<()> {
        self.is_read_only.store(false, Ordering::Release);
        self.prepare()
    }

    /// Checks the keys without writing.
    pub(crate) fn start_read_only(&self) -> Result<()> {
        let metadata = read_only::metadata(&self.connections, &self.keys)?;
        if metadata.format.is_none() && !metadata.exist {
            tracing::warn!(
                "there is no `{}` at {}, so there are no jobs",
                self.keys.jobs,
                self.connections.address()
            );
        } else {
            self.keys.check(&metadata, self.connections.address())?;
        }
        self.is_read_only.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.is_read_only.load(Ordering::Acquire)
    }

    /// Returns a call of a script on the jobs, without arguments yet.
    pub(crate) fn call(&self, script: &Script) -> Cmd {
        script.call(&self.keys.of_jobs())
    }

    /// Returns a call of a script on the ledger, without arguments yet.
    pub(crate) fn ledger_call(&self, script: &Script) -> Cmd {
        script.call(&self.keys.of_ledger())
    }

    /// Runs a script. If the keys are missing, this creates them again, and fails.
    pub(crate) fn run(&self, script: &Script, call: &Cmd, repeat: Repeat) -> Result<Value> {
        self.connections.run(script, call, repeat).map_err(|error| {
            if error.kind() == ErrorKind::StoreReplaced { self.replaced(&error) } else { error }
        })
    }

    /// Runs a script that writes, and that returns a whole number.
    pub(crate) fn number(&self, script: &Script, call: &Cmd) -> Result<i64> {
        match self.run(script, call, Repeat::Forbidden)? {
            Value::Int(number) => Ok(number),
            other => Err(unexpected(&other)),
        }
    }

    /// Returns an error if the keys have another identity than at the start, and switches to them.
    pub(crate) fn check_identity(&self, found: &[u8]) -> Result<()> {
        if found == self.identity().as_bytes() {
            return Ok(());
        }
        let message = format!(
            "the keys of the jobs at {} were replaced: the server was emptied, or has lost its data",
            self.connections.address()
        );
        Err(self.replaced(&Error::new(ErrorKind::StoreReplaced, message)))
    }

    /// Switches to the keys that exist now, and returns the error for the replacement.
    fn replaced(&self, found: &Error) -> Error {
        match self.prepare() {
            Ok(()) => self.replacement.found(found.message()).with_plugin(STORE_NAME),
            Err(error) => error,
        }
    }

    /// Checks the keys, and creates those that are missing.
    fn prepare(&self) -> Result<()> {
        let mut call = self.scripts.start.call(&self.keys.of_start());
        call.arg(FORMAT).arg(uuid::Uuid::new_v4().simple().to_string()).arg(LEDGER_FORMAT);
        let answer = self.connections.run(&self.scripts.start, &call, Repeat::Allowed)?;
        let mut texts = texts(answer)?.map(|text| String::from_utf8_lossy(&text).into_owned());
        let mut next = || texts.next().unwrap_or_default();
        let (format, owner, run_times, identity, ledger) = (next(), next(), next(), next(), next());
        let format = (!format.is_empty()).then_some(format);
        let metadata = KeyMetadata { format, ledger, owner, run_times, exist: true };
        self.keys.check(&metadata, self.connections.address())?;
        *self.identity() = identity;
        Ok(())
    }

    fn identity(&self) -> MutexGuard<'_, String> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

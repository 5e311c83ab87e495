//! What a job store can do.

/// What a store can do, and what it needs.
///
/// # Examples
/// ```
/// use apscheduler_core::store::StoreCapabilities;
///
/// const FILE: StoreCapabilities = StoreCapabilities::new().durable(true).serializes(true).blocking(true);
/// assert!(FILE.durable && !FILE.watch);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent yes-or-no facts")]
#[non_exhaustive]
pub struct StoreCapabilities {
    /// Jobs survive the end of the process.
    pub durable: bool,
    /// Several processes may open the same jobs at once.
    pub shared: bool,
    /// Jobs are stored as text, so closures can't be stored. A store that does not serialize receives
    /// [`JobPayload::Live`](super::JobPayload::Live).
    pub serializes: bool,
    /// Calls do I/O and may take long, so the engine makes them from a thread for this store.
    pub blocking: bool,
    /// [`JobStore::watch`](super::JobStore::watch) reports changes that others make.
    pub watch: bool,
}

impl StoreCapabilities {
    /// No capability.
    pub const fn new() -> Self {
        Self { durable: false, shared: false, serializes: false, blocking: false, watch: false }
    }

    /// All capabilities: those of a store on a database server.
    pub const fn all() -> Self {
        Self { durable: true, shared: true, serializes: true, blocking: true, watch: true }
    }

    /// Sets whether jobs survive the end of the process.
    #[must_use]
    pub const fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// Sets whether several processes may open the same jobs at once.
    #[must_use]
    pub const fn shared(mut self, shared: bool) -> Self {
        self.shared = shared;
        self
    }

    /// Sets whether jobs are stored as text.
    #[must_use]
    pub const fn serializes(mut self, serializes: bool) -> Self {
        self.serializes = serializes;
        self
    }

    /// Sets whether calls do I/O and may take long.
    #[must_use]
    pub const fn blocking(mut self, blocking: bool) -> Self {
        self.blocking = blocking;
        self
    }

    /// Sets whether [`JobStore::watch`](super::JobStore::watch) reports changes that others make.
    #[must_use]
    pub const fn watch(mut self, watch: bool) -> Self {
        self.watch = watch;
        self
    }
}

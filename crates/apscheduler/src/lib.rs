//! An in-process job scheduler: APScheduler's concepts, safe and fast.

//! The attribute macros of apscheduler.

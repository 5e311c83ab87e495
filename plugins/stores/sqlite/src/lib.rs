//! Keeps the jobs of apscheduler in SQLite.

//! Runs the jobs of apscheduler in a pool of threads.

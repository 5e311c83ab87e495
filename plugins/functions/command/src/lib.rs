//! The job function that runs a program, for apscheduler.

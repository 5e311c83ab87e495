//! The program apscheduler: runs jobs from a config file.

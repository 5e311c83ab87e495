//! Tests both servers over HTTP and with signals.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod program;
mod session;

const AXUM: &str = env!("CARGO_BIN_EXE_axum");
const ACTIX: &str = env!("CARGO_BIN_EXE_actix");

/// Runs each case with each server.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        mod axum {
            $(#[test] fn $case() { super::session::$case(super::AXUM); })+
        }
        mod actix {
            $(#[test] fn $case() { super::session::$case(super::ACTIX); })+
        }
    };
}

cases![
    a_job_is_added_and_runs,
    a_job_is_paused_resumed_and_removed,
    every_worker_sees_all_jobs,
    errors_show_what_is_expected,
    an_unknown_id_is_not_found,
    a_stop_lets_running_jobs_end,
    an_interrupt_stops_the_server_too,
];

//! How late jobs run at 10,000 fires per second in GUI loops, compared with the background scheduler.
//!
//! Names select loops: `cargo xtask bench --bench lateness -- qt`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

#[path = "../../../plugins/schedulers/qt/tests/application/mod.rs"]
mod application;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::channel;

use apscheduler::builtin::new_registry;
use apscheduler::scheduler_glib::GlibLoop;
use apscheduler::{GlibScheduler, QtScheduler};
use apscheduler_benches::lateness::{self, Measured, Window, on_its_own_loop, plain};

fn main() -> ExitCode {
    lateness::run(&[("glib", glib), ("qt", qt)])
}

fn glib() -> Measured {
    let main_loop = glib::MainLoop::new(Some(&glib::MainContext::new()), false);
    let thread = std::thread::spawn({
        let main_loop = main_loop.clone();
        move || main_loop.run()
    });
    let entry = GlibLoop::on(&main_loop.context());
    let scheduler = GlibScheduler::builder_on(entry).registry(new_registry()).build().unwrap();
    let measured = on_its_own_loop(&scheduler);
    drop(scheduler);
    main_loop.quit();
    thread.join().unwrap();
    measured
}

fn qt() -> Measured {
    let scheduler = Arc::new(QtScheduler::builder().registry(new_registry()).build().unwrap());
    let window = Window::new();
    window.add_jobs(&scheduler, plain);
    let (started, has_started) = channel();
    let measuring = std::thread::spawn({
        let scheduler = Arc::clone(&scheduler);
        move || {
            has_started.recv().unwrap();
            let measured = window.measure(&scheduler);
            application::quit();
            measured
        }
    });
    // It returns when the application has ended.
    application::run(Box::new(move || {
        scheduler.start().unwrap();
        started.send(()).unwrap();
    }));
    measuring.join().unwrap()
}

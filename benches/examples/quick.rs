#![allow(missing_docs, unused_imports)]
use apscheduler_core::{job::*, schedulers::*, event::*, store::*, registry::*, executor::*, time::*};
use apscheduler_executor_threadpool::ThreadPoolExecutor;
use std::sync::{Arc, atomic::*};
use std::time::Instant;
fn cpu() -> f64 { let s=std::fs::read_to_string("/proc/self/stat").unwrap(); let f: Vec<&str>=s.rsplit(')').next().unwrap().split_whitespace().collect(); (f[11].parse::<f64>().unwrap()+f[12].parse::<f64>().unwrap())*10.0 }
fn rss() -> usize { std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(1).unwrap().parse::<usize>().unwrap()*4096 }
fn sizes(){ println!("builder {} spec {} handle {} record {}", size_of::<JobBuilder>(), size_of::<JobSpec>(), size_of::<Job>(), size_of::<apscheduler_core::store::NewRecord>()); }
fn run(n: usize, pool: bool, listen: bool) {
    let s: BackgroundScheduler = BackgroundScheduler::new();
    if pool { s.add_executor(ThreadPoolExecutor::new(10), "default").unwrap(); } else { s.add_executor(DebugExecutor::new(), "default").unwrap(); }
    let done = Arc::new(AtomicUsize::new(0)); let missed = Arc::new(AtomicUsize::new(0));
    let m = missed.clone();
    s.add_listener(if listen { EventMask::ALL } else { EventMask::JOB_MISSED }, move |e| if matches!(e, Event::JobMissed{..}) { m.fetch_add(1, Ordering::Relaxed); });
    s.start_paused().unwrap();
    let d = done.clone();
    let f = Arc::new(apscheduler_core::function::IntoFunction::into_function(move || { d.fetch_add(1, Ordering::Relaxed); }, "noop"));
    let at = SystemClock.now() + chrono::TimeDelta::milliseconds(0);
    let _ = at;
    let r0 = rss();
    let c0=cpu();
    let t = Instant::now();
    let far = SystemClock.now();
    let jobs: Vec<_> = (0..n).map(|_| JobBuilder::new(f.clone()).misfire_grace_time(5).next_run_time(far)).collect();
    let b = t.elapsed();
    let h = s.add_jobs(jobs).unwrap();
    drop(h);
    let add = t.elapsed();
    let r1 = rss(); let c1=cpu();
    let t = Instant::now();
    s.resume().unwrap();
    while done.load(Ordering::Relaxed) + missed.load(Ordering::Relaxed) < n { std::thread::yield_now(); std::thread::sleep(std::time::Duration::from_micros(200)); }
    let el = t.elapsed(); let c2=cpu();
    println!("n={n} pool={pool} listen={listen}: builders {b:?} add {add:?} run {el:?} missed {} rss/job {} cpu add {} run {} ms", missed.load(Ordering::Relaxed), (r1.saturating_sub(r0))/n, c1-c0, c2-c1);
    s.shutdown(true).unwrap();
}
fn main() { sizes(); if std::env::args().nth(1).as_deref() == Some("1m") { run(1_000_000, false, false); return; } if std::env::args().nth(1).as_deref() == Some("100k") { run(100_000, false, false); return; }
    for _ in 0..3 { run(100_000, false, false); run(100_000, false, true); run(100_000, true, false); run(100_000, true, true); }
    run(1_000_000, false, false);
}

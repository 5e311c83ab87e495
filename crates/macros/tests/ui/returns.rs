#![allow(unused)]

use std::error::Error;

use apscheduler::job;

struct Opaque;

#[derive(Debug)]
enum Failure {}

#[job]
fn value() -> Opaque {
    Opaque
}

#[job]
async fn value_later() -> Option<Opaque> {
    None
}

#[job]
fn in_a_result() -> Result<Opaque, std::fmt::Error> {
    Ok(Opaque)
}

#[job]
fn error() -> Result<(), Failure> {
    Ok(())
}

#[job]
async fn error_of_one_thread() -> Result<(), Box<dyn Error>> {
    Ok(())
}

#[job]
fn future() -> impl Future<Output = ()> {
    async {}
}

fn main() {}

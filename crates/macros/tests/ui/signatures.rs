#![allow(unused)]

use apscheduler::function::JobContext;
use apscheduler::job;

#[job]
fn generic<T>(value: T) {}

#[job]
fn lifetime<'a>(text: &'a str) {}

#[job]
fn opaque(value: impl Send, list: Vec<impl Send>) {}

#[job]
unsafe fn dangerous() {}

#[job]
extern "C" fn foreign() {}

#[job]
fn never() -> ! {
    loop {}
}

#[job]
fn patterns((a, b): (u8, u8), _: u8, ref c: u8) {}

#[job]
fn references(text: &mut String, fixed: &'static str, list: Vec<&str>, any: &dyn Send) {}

#[job]
fn contexts(context: &mut JobContext, #[job(default)] defaulted: &JobContext) {}

#[job]
fn conditional(#[cfg(unix)] number: u8) {}

struct Shop;

impl Shop {
    #[job]
    fn method(&self, order: u64) {}
}

#[job]
struct NoFunction;

trait Bodiless {
    #[job]
    fn bodiless();
}

fn main() {}

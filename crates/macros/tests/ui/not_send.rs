#![allow(unused)]

use std::rc::Rc;

use apscheduler::job;

#[job]
async fn one_thread(number: u8) {
    let shared = Rc::new(number);
    std::future::ready(()).await;
    drop(shared);
}

fn main() {}

#![allow(unused)]

use apscheduler::job;

struct Order;

#[job]
fn ship(order: Order) {}

#[job]
fn later(#[job(default)] order: Vec<Order>) {}

fn main() {}

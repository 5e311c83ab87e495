#![allow(unused)]

use apscheduler::job;

#[job]
fn wrong_type(#[job(default = 2.5)] number: u8) {}

#[job]
fn no_default(#[job(default)] level: Level) {}

#[derive(serde::Deserialize)]
struct Level(u8);

fn main() {}

#![allow(unused)]

use apscheduler::job;

#[job(nmae = "a")]
fn misspelt() {}

#[job(name = "a", name = "b")]
fn twice() {}

#[job(name = "")]
fn empty() {}

#[job(name = path)]
fn no_text() {}

#[job(crate = "not a path")]
fn no_path() {}

#[job(default)]
fn misplaced() {}

#[job]
#[job]
fn two() {}

#[job]
fn parameters(#[job] a: u8, #[job(optional)] b: u8, #[job(default, default)] c: u8, #[job(default)] #[job(default)] d: u8) {}

fn main() {}

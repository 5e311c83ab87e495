//! A loop over a channel, on a thread with another owner: a minimal GUI event loop.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_engine::{EventLoop, LoopDriver};
use apscheduler_testkit::schedulers::{Call, Calls};

enum Message {
    Call(Call),
    Run(LoopDriver),
    Wake,
    Quit,
}

#[derive(Debug)]
pub(crate) struct ChannelLoop(Sender<Message>);

impl EventLoop for ChannelLoop {
    fn run(&self, driver: LoopDriver) -> Result<()> {
        let messages = self.0.clone();
        driver.on_wake(move || {
            // The receiver is gone once the loop has ended.
            let _ = messages.send(Message::Wake);
        });
        self.0
            .send(Message::Run(driver))
            .map_err(|_| Error::new(ErrorKind::Other, "the loop has ended"))
    }

    fn takes_listeners(&self) -> bool {
        true
    }
}

fn run(messages: &Receiver<Message>) {
    let mut drivers: Vec<(LoopDriver, Instant)> = Vec::new();
    loop {
        let now = Instant::now();
        let next = drivers.iter().map(|(_, next)| *next).min();
        let sleep =
            next.map_or(Duration::from_secs(60), |next| next.saturating_duration_since(now));
        let due = match messages.recv_timeout(sleep) {
            Ok(Message::Call(call)) => {
                call();
                false
            }
            Ok(Message::Run(driver)) => {
                drivers.push((driver, now));
                true
            }
            Ok(Message::Wake) | Err(RecvTimeoutError::Timeout) => true,
            Ok(Message::Quit) | Err(RecvTimeoutError::Disconnected) => return,
        };
        if due {
            drivers.retain_mut(|(driver, next)| {
                let sleep = driver.turn();
                *next = Instant::now() + sleep.unwrap_or_default();
                sleep.is_some()
            });
        }
    }
}

/// Ends the loop when it is dropped.
struct Quit(Sender<Message>);

impl Drop for Quit {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.send(Message::Quit);
    }
}

/// Runs the loop, and sends the function that sends calls into it.
pub(crate) fn run_loop(parts: Sender<(ChannelLoop, Calls)>) {
    let (messages, receiver) = channel();
    let event_loop = ChannelLoop(messages.clone());
    let quit = Quit(messages);
    let calls = move |call| {
        let _ = quit.0.send(Message::Call(call));
    };
    parts.send((event_loop, Box::new(calls))).expect("the case waits");
    drop(parts);
    run(&receiver);
}

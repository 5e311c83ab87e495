//! Timers in a thread of their own, for executors that have no timers.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use apscheduler_core::function::JobError;
use apscheduler_core::printable;
use apscheduler_core::{Error, ErrorKind, Result};

type Call = Box<dyn FnOnce() + Send>;
type Key = (Instant, u64);

static TIMERS: Timers = Timers { state: Mutex::new(State::new()), earlier: Condvar::new() };

struct Timers {
    state: Mutex<State>,
    /// Notified when a timer is earlier than the one that the thread waits for.
    earlier: Condvar,
}

struct State {
    timers: BTreeMap<Key, Call>,
    number: u64,
    /// The time that the thread waits for.
    next: Option<Instant>,
}

impl State {
    const fn new() -> Self {
        Self { timers: BTreeMap::new(), number: 0, next: None }
    }
}

impl Timers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let next = state.timers.first_entry();
            match next.map(|entry| (entry.key().0, entry)) {
                Some((time, entry)) if time <= now => {
                    let call = entry.remove();
                    drop(state);
                    // The call may wake foreign wakers.
                    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
                        let panic = JobError::from_panic(&*payload).to_string();
                        tracing::error!("a timer {}", printable::lines(&panic));
                    }
                    state = self.state();
                }
                next => {
                    state.next = next.map(|(time, _)| time);
                    state = match state.next {
                        Some(time) => {
                            let waited = self.earlier.wait_timeout(state, time - now);
                            waited.unwrap_or_else(PoisonError::into_inner).0
                        }
                        None => self.earlier.wait(state).unwrap_or_else(PoisonError::into_inner),
                    };
                }
            }
        }
    }
}

/// Makes a call at a time, unless it is dropped before. For executors that cancel runs at their `timeout`.
///
/// All timers share one thread, so a call must not block.
#[derive(Debug)]
#[must_use = "dropping a timer cancels it"]
pub struct Timer(Key);

impl Timer {
    /// Starts the thread of all timers, which lives as long as the process. Without it no timer fires; executors that need
    /// timers call this when they start.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn prepare() -> Result<()> {
        static STARTED: Mutex<bool> = Mutex::new(false);
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        if !*started {
            let thread = std::thread::Builder::new().name("apscheduler-timer".to_owned());
            thread.spawn(|| TIMERS.run()).map_err(|error| {
                Error::new(ErrorKind::Other, "can't start the thread for timers").with_source(error)
            })?;
            *started = true;
        }
        Ok(())
    }

    /// Makes the call at this time, or at once if the time has passed.
    pub fn at(time: Instant, call: impl FnOnce() + Send + 'static) -> Self {
        let mut state = TIMERS.state();
        state.number += 1;
        let key = (time, state.number);
        state.timers.insert(key, Box::new(call));
        let is_earlier = state.next.is_none_or(|next| time < next);
        if is_earlier {
            // The thread finds later timers by itself.
            state.next = Some(time);
        }
        drop(state);
        if is_earlier {
            TIMERS.earlier.notify_one();
        }
        Self(key)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // The call may hold foreign values, so it is dropped outside of the lock.
        let call = TIMERS.state().timers.remove(&self.0);
        drop(call);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn calls_are_made_on_time_and_in_order() {
        Timer::prepare().unwrap();
        let (sender, receiver) = channel();
        let now = Instant::now();
        let timer = |millis: u64| {
            let (sender, time) = (sender.clone(), now + Duration::from_millis(millis));
            Timer::at(time, move || sender.send((millis, Instant::now() >= time)).unwrap())
        };
        let timers: Vec<Timer> = [60_000, 40, 20, 30, 20].into_iter().map(timer).collect();
        let came: Vec<_> = receiver.iter().take(4).collect();
        assert_eq!(came, [(20, true), (20, true), (30, true), (40, true)]);
        drop(timers);
        drop(sender);
        assert!(receiver.recv().is_err(), "a dropped timer still exists");
    }
}

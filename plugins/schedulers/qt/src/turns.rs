//! The turns of one scheduler, from its start to its shutdown: a timer of Qt's.
//!
//! The timer is a child of the application and owns the state in this file. It ends after the last turn, or when the application begins to
//! end; either way in the thread of the application.
#![expect(unsafe_code, reason = "Qt is C++")]

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use apscheduler_engine::LoopDriver;

/// The timer, on the side of C++.
#[repr(C)]
struct Timer {
    _opaque: [u8; 0],
}

type Call = extern "C" fn(data: *mut c_void);

// SAFETY: these are the functions of `turns.cpp`, which is compiled with this crate. None of them throws: all are
// `noexcept`.
unsafe extern "C" {
    /// In any thread.
    safe fn apscheduler_qt_is_here() -> bool;
    /// In the thread of the application. Calls `end` once, and neither afterwards.
    fn apscheduler_qt_new(turn: Call, end: Call, data: *mut c_void) -> *mut Timer;
    /// In the thread of the application.
    fn apscheduler_qt_start(timer: *mut Timer, milliseconds: c_int);
    /// In any thread.
    fn apscheduler_qt_wake(timer: *mut Timer);
    /// In the thread of the application.
    fn apscheduler_qt_delete(timer: *mut Timer);
}

/// The state that the timer owns.
struct Turns {
    driver: LoopDriver,
    alarm: Arc<Alarm>,
}

/// Wakes the timer from any thread.
#[derive(Default)]
struct Alarm {
    /// While the lock is held and the timer is present, it has not begun to end: `end` needs the lock first.
    timer: Mutex<Option<TimerPointer>>,
    /// Whether a turn is already pending.
    woken: AtomicBool,
}

struct TimerPointer(NonNull<Timer>);

// SAFETY: a pointer may be anywhere. Other threads than that of the application call nothing but `apscheduler_qt_wake`.
unsafe impl Send for TimerPointer {}

/// Returns whether this is the thread of the application.
pub(crate) fn is_application_thread() -> bool {
    apscheduler_qt_is_here()
}

/// Starts to make turns. Drops the driver and returns `false` if this is not the thread of an application.
pub(crate) fn begin(driver: LoopDriver) -> bool {
    if !is_application_thread() {
        return false;
    }
    let alarm = Arc::new(Alarm::default());
    let wake = Arc::clone(&alarm);
    driver.on_wake(move || wake.ring());
    let turns = Arc::new(Turns { driver, alarm: Arc::clone(&alarm) });
    let data = Arc::into_raw(turns).cast_mut().cast::<c_void>();
    // SAFETY: this is the thread of the application. `turn` and `end` take what `data` is: a reference to `Turns`, which
    // the timer owns until it calls `end`.
    let timer = unsafe { apscheduler_qt_new(turn, end, data) };
    // `new` of C++ does not return null.
    let Some(timer) = NonNull::new(timer) else { return false };
    let mut place = alarm.timer();
    // SAFETY: this is the thread of the application, in which the timer has been made and nothing has happened since.
    unsafe { apscheduler_qt_start(timer.as_ptr(), 0) };
    *place = Some(TimerPointer(timer));
    true
}

/// Called when the timer fires.
extern "C" fn turn(data: *mut c_void) {
    let turns = data.cast_const().cast::<Turns>();
    // SAFETY: `data` is from `Arc::into_raw` in `begin`. The timer that calls has not ended, so the reference that it owns
    // is there. This is one more, since a job that runs the event loop may have the timer end within the turn.
    let turns = unsafe {
        Arc::increment_strong_count(turns);
        Arc::from_raw(turns)
    };
    turns.make();
}

/// Called when the timer begins to end.
extern "C" fn end(data: *mut c_void) {
    // SAFETY: `data` is from `Arc::into_raw` in `begin`. The timer calls this once and nothing afterwards, so the reference
    // that it owned is taken back once.
    let turns = unsafe { Arc::from_raw(data.cast_const().cast::<Turns>()) };
    // This waits until a call that is waking the timer has returned.
    *turns.alarm.timer() = None;
}

impl Turns {
    /// Makes a turn, in the thread of the application.
    fn make(&self) {
        self.alarm.woken.store(false, Ordering::SeqCst);
        let sleep = self.driver.turn();
        let mut place = self.alarm.timer();
        // It may have ended within the turn.
        let Some(TimerPointer(timer)) = *place else { return };
        if let Some(sleep) = sleep {
            // SAFETY: the timer calls in the thread of the application, so this is it. The timer is there, and stays
            // while the lock is held.
            unsafe { apscheduler_qt_start(timer.as_ptr(), milliseconds(sleep)) };
        } else {
            *place = None;
            // SAFETY: as above. The timer does not end at once, but when control is back in the event loop.
            unsafe { apscheduler_qt_delete(timer.as_ptr()) };
        }
    }
}

impl Alarm {
    fn ring(&self) {
        if self.woken.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(TimerPointer(timer)) = *self.timer() {
            // SAFETY: any thread may wake a timer that is there, and it stays while the lock is held. Posting an event
            // calls nothing that could want the lock.
            unsafe { apscheduler_qt_wake(timer.as_ptr()) };
        }
    }

    fn timer(&self) -> MutexGuard<'_, Option<TimerPointer>> {
        // Nothing panics under the lock.
        self.timer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whole milliseconds, as Qt counts them. Less than one is rounded up, so that a wait never becomes a busy loop.
fn milliseconds(time: Duration) -> c_int {
    c_int::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_rounded_up_and_do_not_overflow() {
        let cases = [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_millis(7), 7),
            (Duration::from_micros(7_001), 8),
            (Duration::from_secs(60), 60_000),
            (Duration::from_secs(24 * 90 * 60 * 60), c_int::MAX),
            (Duration::MAX, c_int::MAX),
        ];
        for (time, expected) in cases {
            assert_eq!(milliseconds(time), expected, "{time:?}");
        }
    }
}

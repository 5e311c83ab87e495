//! Qt applications for tests, one after the other, on the main thread.
#![expect(unsafe_code, reason = "Qt is C++")]

use std::ffi::c_void;

type Call = extern "C" fn(data: *mut c_void);

/// A call to make in the application.
pub(crate) type Work = Box<dyn FnOnce() + Send>;

// SAFETY: these are the functions of `application.cpp`, which is compiled for the tests of this crate.
unsafe extern "C" {
    fn application_run(ready: Call, data: *mut c_void);
    fn application_call(call: Call, data: *mut c_void);
    #[allow(dead_code, reason = "not all tests use it")]
    safe fn application_process_events();
    safe fn application_quit();
}

/// Creates an application on this thread, calls `ready`, runs the application until it quits, and destroys it.
pub(crate) fn run(ready: Work) {
    // SAFETY: `make_call` takes ownership of the data, and is called once.
    unsafe { application_run(make_call, Box::into_raw(Box::new(ready)).cast()) }
}

/// Makes a call on the thread of the application. The tests ensure that there is one.
pub(crate) fn call(work: Work) {
    // SAFETY: as above; there is an application.
    unsafe { application_call(make_call, Box::into_raw(Box::new(work)).cast()) }
}

/// Ends the application.
pub(crate) fn quit() {
    call(Box::new(|| application_quit()));
}

/// Runs the event loop within the event loop, like a dialog.
#[allow(dead_code, reason = "not all tests use it")]
pub(crate) fn process_events() {
    application_process_events();
}

extern "C" fn make_call(data: *mut c_void) {
    // SAFETY: `data` is from `Box::into_raw`, and is passed only once.
    let work = unsafe { Box::from_raw(data.cast::<Work>()) };
    work();
}

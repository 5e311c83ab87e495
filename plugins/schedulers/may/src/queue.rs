//! What waits, what runs, and how many coroutines that takes. They wait for more runs until the executor is shut down.
//!
//! The lock is one of `std`: no coroutine waits while it holds it, and no foreign code is called under it.

use std::collections::{HashMap, VecDeque};
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apscheduler_core::executor::{CancellationToken, ExecutorLoad, Run};
use may::sync::Semphore;
use may::sync::mpsc::{Receiver, Sender, channel};

/// How many runs may wait before the scheduler holds back.
const CAPACITY: usize = 10_000;

/// Where a coroutine is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It was spawned or woken, and will look for a run.
    Starting,
    /// It has a run.
    Busy,
}

/// What a coroutine finds in the queue.
pub(crate) enum Found {
    Run(Taken),
    /// It waits to be called, and looks again.
    Nothing,
    /// It ends.
    End,
}

/// A run, and how it is told to end.
pub(crate) struct Taken {
    pub(crate) run: Run,
    pub(crate) token: CancellationToken,
    /// The number of a token that is its own.
    pub(crate) number: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Queue {
    max_workers: usize,
    stack_size: usize,
    state: Mutex<State>,
    /// Calls those who found nothing.
    calls: Semphore,
}

#[derive(Debug)]
struct State {
    name: Arc<str>,
    runs: VecDeque<Run>,
    /// Coroutines that have not ended.
    workers: usize,
    /// Those of them that will look for a run.
    starting: usize,
    /// Those of them that wait to be called.
    idle: usize,
    /// Those of them that have a run.
    busy: usize,
    /// Those of them whose run waits for all others to end.
    lent: usize,
    open: bool,
    /// It was full, and half of it is not worked off yet.
    holding_back: bool,
    /// That of all runs of this start that have no timeout.
    token: CancellationToken,
    /// Those of the runs that have one.
    tokens: HashMap<u64, CancellationToken>,
    next_token: u64,
    /// Those who wait until nothing is left. What they wait for is the end of the sender.
    waiting: Vec<Sender<()>>,
}

impl State {
    fn count(&mut self, place: Place) -> &mut usize {
        match place {
            Place::Starting => &mut self.starting,
            Place::Busy => &mut self.busy,
        }
    }

    fn is_drained(&self) -> bool {
        self.runs.is_empty() && self.workers == self.lent
    }

    /// How many more coroutines would help. They are counted from now on.
    fn wanted(&mut self, max_workers: usize) -> usize {
        let missing = (max_workers + self.lent).saturating_sub(self.workers);
        let more = missing.min(self.runs.len().saturating_sub(self.starting));
        self.workers += more;
        self.starting += more;
        more
    }

    /// How many of those who found nothing are to be called.
    fn call(&mut self, count: usize) -> usize {
        let called = self.idle.min(count);
        self.idle -= called;
        self.starting += called;
        called
    }

    fn renew(&mut self, number: u64) -> CancellationToken {
        let token = CancellationToken::new();
        self.tokens.insert(number, token.clone());
        token
    }
}

impl Queue {
    pub(crate) fn new(max_workers: usize, stack_size: usize) -> Self {
        let state = State {
            name: "apscheduler".into(),
            runs: VecDeque::new(),
            workers: 0,
            starting: 0,
            idle: 0,
            busy: 0,
            lent: 0,
            open: false,
            holding_back: false,
            token: CancellationToken::new(),
            tokens: HashMap::new(),
            next_token: 0,
            waiting: Vec::new(),
        };
        Self { max_workers, stack_size, state: Mutex::new(state), calls: Semphore::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, count: usize) {
        (0..count).for_each(|_| self.calls.post());
    }

    pub(crate) fn name(&self) -> Arc<str> {
        Arc::clone(&self.state().name)
    }

    pub(crate) fn stack_size(&self) -> usize {
        self.stack_size
    }

    pub(crate) fn open(&self, name: &str) {
        let mut state = self.state();
        state.name = name.into();
        state.open = true;
        state.token = CancellationToken::new();
    }

    /// Takes runs. Says how many more coroutines would help; they are counted from now on.
    ///
    /// A closed queue gives the runs back.
    pub(crate) fn push(&self, runs: Vec<Run>) -> Result<usize, Vec<Run>> {
        let mut state = self.state();
        if !state.open {
            return Err(runs);
        }
        let added = runs.len();
        state.runs.extend(runs);
        state.holding_back |= state.runs.len() >= CAPACITY;
        let called = state.call(added);
        let wanted = state.wanted(self.max_workers);
        drop(state);
        self.call(called);
        Ok(wanted)
    }

    /// Takes no more runs. Without `drain`, what waits is given up and returned, and what runs is asked to end.
    pub(crate) fn close(&self, drain: bool) -> Vec<Run> {
        let mut state = self.state();
        state.open = false;
        let (mut runs, mut tokens) = (Vec::new(), Vec::new());
        if !drain {
            state.holding_back = false;
            runs.extend(take(&mut state.runs));
            tokens.push(state.token.clone());
            tokens.extend(state.tokens.values().cloned());
        }
        let called = state.call(usize::MAX);
        drop(state);
        self.call(called);
        tokens.iter().for_each(CancellationToken::cancel);
        runs
    }

    pub(crate) fn room(&self) -> usize {
        let state = self.state();
        if state.holding_back { 0 } else { CAPACITY.saturating_sub(state.runs.len()) }
    }

    pub(crate) fn load(&self) -> ExecutorLoad {
        let state = self.state();
        ExecutorLoad::new().queued(state.runs.len()).running(state.busy)
    }

    /// What a coroutine does next, which has done with the run before.
    pub(crate) fn next(&self, place: &mut Place) -> Found {
        let mut state = self.state();
        if let Some(run) = state.runs.pop_front() {
            state.holding_back &= state.runs.len() > CAPACITY / 2;
            *state.count(*place) -= 1;
            state.busy += 1;
            *place = Place::Busy;
            let number = run.timeout().map(|_| {
                state.next_token += 1;
                state.next_token
            });
            let token = match number {
                Some(number) => state.renew(number),
                None => state.token.clone(),
            };
            return Found::Run(Taken { run, token, number });
        }
        if !state.open {
            return Found::End;
        }
        *state.count(*place) -= 1;
        *place = Place::Starting;
        state.idle += 1;
        drop(state);
        self.calls.wait();
        Found::Nothing
    }

    /// A new token for a run whose own was cancelled, unless what runs should come to an end.
    pub(crate) fn renew(&self, number: u64) -> Option<CancellationToken> {
        let mut state = self.state();
        (!state.token.is_cancelled()).then(|| state.renew(number))
    }

    pub(crate) fn forget_token(&self, number: u64) {
        self.state().tokens.remove(&number);
    }

    /// A coroutine has ended. Gives up what waits if nobody is left to take it.
    pub(crate) fn leave(&self, place: Place) {
        let mut state = self.state();
        *state.count(place) -= 1;
        state.workers -= 1;
        let over = if state.is_drained() { take(&mut state.waiting) } else { Vec::new() };
        drop(state);
        drop(over);
    }

    /// What nobody will ever take.
    pub(crate) fn abandoned(&self) -> Vec<Run> {
        let mut state = self.state();
        let nobody = state.workers == 0;
        let runs = if nobody { Vec::from(take(&mut state.runs)) } else { Vec::new() };
        state.holding_back &= !nobody;
        let over = if state.is_drained() { take(&mut state.waiting) } else { Vec::new() };
        drop(state);
        drop(over);
        runs
    }

    /// The run that calls this waits for the others, and lends them its place. Says how many coroutines that takes.
    pub(crate) fn lend_place(&self) -> usize {
        let mut state = self.state();
        state.lent += 1;
        let over = if state.is_drained() { take(&mut state.waiting) } else { Vec::new() };
        let wanted = state.wanted(self.max_workers);
        drop(state);
        drop(over);
        wanted
    }

    /// The run goes on.
    pub(crate) fn take_place_back(&self) {
        self.state().lent -= 1;
    }

    /// What hears from nobody any more when nothing is left but what waits for that; `None` where that is so.
    pub(crate) fn until_drained(&self) -> Option<Receiver<()>> {
        let mut state = self.state();
        if state.is_drained() {
            return None;
        }
        let (sender, receiver) = channel();
        state.waiting.push(sender);
        Some(receiver)
    }
}

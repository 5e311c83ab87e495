//! What waits, what runs, and how many workers that takes. No method calls foreign code: it is all done under a lock.

use std::collections::VecDeque;
use std::num::NonZero;

use apscheduler_core::executor::{CancellationToken, ExecutorLoad, Run};

/// How many runs may wait before the scheduler holds back.
const CAPACITY: usize = 10_000;

/// As many threads as Python's asyncio has for plain functions. A burst of short ones would only be slowed down by more.
fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(4, NonZero::get).saturating_add(4).min(32)
}

/// The two sorts of worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A task, for async functions.
    Task,
    /// A thread of the blocking pool, for plain functions.
    Thread,
}

/// Where a worker is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It was spawned, and has not looked for a run yet.
    Starting,
    /// It has a run, and holds its thread.
    Busy,
    /// It has a run that awaits something.
    Parked,
    /// It found no run.
    Ended,
}

/// A run with what its worker needs.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) run: Run,
    pub(crate) token: CancellationToken,
}

/// How many workers to spawn. They are counted already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) tasks: usize,
    pub(crate) threads: usize,
}

#[derive(Debug)]
pub(crate) struct Queue {
    /// How many runs may have a place at once.
    limit: usize,
    /// How many plain functions run at once.
    max_threads: usize,
    /// How many threads run the tasks.
    parallelism: usize,
    /// Runs without a place.
    waiting: VecDeque<Run>,
    /// Runs with a place, which wait for a worker of their sort.
    tasks: VecDeque<Run>,
    threads: VecDeque<Run>,
    /// How many places are taken, by runs that are ready and by runs that run.
    places: usize,
    /// The tokens of what runs; each worker has its number.
    tokens: Vec<Option<CancellationToken>>,
    unused_tokens: Vec<usize>,
    running: usize,
    /// Tasks that will look for another run before they wait for anything else; some of them have not started yet.
    seeking_tasks: usize,
    starting_tasks: usize,
    /// Threads; some of them have not started yet.
    live_threads: usize,
    starting_threads: usize,
    open: bool,
    /// The last shutdown did not wait.
    abandoned: bool,
    /// It was full, and half of it is not worked off yet.
    holding_back: bool,
}

impl Queue {
    /// At most so many runs at once, where there is a limit.
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self {
            limit: limit.unwrap_or(usize::MAX),
            max_threads: limit.unwrap_or_else(default_threads),
            parallelism: 1,
            waiting: VecDeque::new(),
            tasks: VecDeque::new(),
            threads: VecDeque::new(),
            places: 0,
            tokens: Vec::new(),
            unused_tokens: Vec::new(),
            running: 0,
            seeking_tasks: 0,
            starting_tasks: 0,
            live_threads: 0,
            starting_threads: 0,
            open: false,
            abandoned: false,
            holding_back: false,
        }
    }

    pub(crate) fn open(&mut self, parallelism: usize) {
        self.open = true;
        self.abandoned = false;
        self.parallelism = parallelism.max(1);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Takes no more runs.
    pub(crate) fn close(&mut self) {
        self.open = false;
    }

    /// Takes no more runs, gives up those that have not started, and tells the tokens of the others.
    pub(crate) fn abandon(&mut self) -> (Vec<Run>, Vec<CancellationToken>) {
        self.close();
        self.abandoned = true;
        (self.drain(), self.tokens.iter().flatten().cloned().collect())
    }

    /// Whether what runs should come to an end.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    fn queued(&self) -> usize {
        self.waiting.len() + self.tasks.len() + self.threads.len()
    }

    pub(crate) fn room(&self) -> usize {
        if self.holding_back { 0 } else { CAPACITY.saturating_sub(self.queued()) }
    }

    pub(crate) fn load(&self) -> ExecutorLoad {
        ExecutorLoad::new().queued(self.queued()).running(self.running)
    }

    /// Whether nothing has or wants a place.
    pub(crate) fn is_drained(&self) -> bool {
        self.places == 0 && self.waiting.is_empty()
    }

    /// Whether nothing of ours is left on the runtime.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_drained() && self.running == 0
    }

    /// Takes runs, in order. A closed queue gives them back.
    pub(crate) fn push(&mut self, runs: Vec<Run>) -> Result<(), Vec<Run>> {
        if !self.open {
            return Err(runs);
        }
        self.waiting.extend(runs);
        self.holding_back |= self.queued() >= CAPACITY;
        Ok(())
    }

    /// Gives out the free places, in order.
    fn admit(&mut self) {
        while self.places < self.limit
            && let Some(run) = self.waiting.pop_front()
        {
            self.places += 1;
            let is_async = run.job().function().is_async();
            let ready = if is_async { &mut self.tasks } else { &mut self.threads };
            ready.push_back(run);
        }
    }

    /// Gives out the free places, and says which workers are missing. They count as spawned.
    pub(crate) fn wanted(&mut self) -> Wanted {
        self.admit();
        // One for each thread of the runtime finds work for it. One more is on its way as long as runs wait: a task that
        // blocks its thread in a legal way (`block_in_place`) must not keep the others from starting.
        let fitting = self.tasks.len().min(self.parallelism).saturating_sub(self.seeking_tasks);
        let spare = usize::from(!self.tasks.is_empty() && self.starting_tasks == 0);
        let tasks = fitting.max(spare);
        self.seeking_tasks += tasks;
        self.starting_tasks += tasks;
        // Plain functions may block for as long as they like: each has a thread of its own.
        let threads = (self.threads.len())
            .saturating_sub(self.starting_threads)
            .min(self.max_threads.saturating_sub(self.live_threads));
        self.live_threads += threads;
        self.starting_threads += threads;
        Wanted { tasks, threads }
    }

    /// Notes that a worker could not be spawned.
    pub(crate) fn forget_thread(&mut self) {
        self.live_threads = self.live_threads.saturating_sub(1);
        self.starting_threads = self.starting_threads.saturating_sub(1);
    }

    /// The next run for a worker, which has done with the one before; where there is none the worker ends.
    pub(crate) fn next(
        &mut self,
        sort: Sort,
        place: &mut Place,
        number: &mut Option<usize>,
    ) -> Option<Taken> {
        self.leave(sort, *place, *number);
        self.admit();
        let ready = match sort {
            Sort::Task => &mut self.tasks,
            Sort::Thread => &mut self.threads,
        };
        let Some(run) = ready.pop_front() else {
            *place = Place::Ended;
            self.end(sort, number.take());
            return None;
        };
        if self.queued() <= CAPACITY / 2 {
            self.holding_back = false;
        }
        *place = Place::Busy;
        self.running += 1;
        let number = *number.get_or_insert_with(|| {
            self.unused_tokens.pop().unwrap_or_else(|| {
                self.tokens.push(None);
                self.tokens.len() - 1
            })
        });
        Some(Taken { run, token: self.renew(number) })
    }

    /// A new token for the run of a worker.
    pub(crate) fn renew(&mut self, number: usize) -> CancellationToken {
        let token = CancellationToken::new();
        self.tokens[number] = Some(token.clone());
        token
    }

    /// Takes a worker out of the count of its place; it seeks afterwards.
    fn leave(&mut self, sort: Sort, place: Place, number: Option<usize>) {
        match (place, sort) {
            (Place::Starting, Sort::Task) => self.starting_tasks -= 1,
            (Place::Starting, Sort::Thread) => {
                self.starting_threads = self.starting_threads.saturating_sub(1);
            }
            (Place::Busy | Place::Parked, _) => {
                self.running -= 1;
                self.places -= 1;
                if let Some(number) = number {
                    self.tokens[number] = None;
                }
            }
            (Place::Ended, _) => {}
        }
        if place == Place::Parked {
            self.seeking_tasks += 1;
        }
    }

    fn end(&mut self, sort: Sort, number: Option<usize>) {
        match sort {
            Sort::Task => self.seeking_tasks -= 1,
            Sort::Thread => self.live_threads = self.live_threads.saturating_sub(1),
        }
        self.unused_tokens.extend(number);
    }

    /// A worker came to its end without having looked for a run: it panicked, or the runtime let go of it.
    pub(crate) fn lose(&mut self, sort: Sort, place: Place, number: Option<usize>) {
        self.leave(sort, place, number);
        self.end(sort, number);
    }

    /// The run of a task awaits something: its thread is free.
    pub(crate) fn park(&mut self) {
        self.seeking_tasks -= 1;
    }

    /// The run that calls this waits for the others, so it lends them its place, and where it keeps a thread, they may
    /// have another. `seeks` says that it is a task that does not await anything.
    pub(crate) fn lend_place(&mut self, sort: Sort, seeks: bool) {
        self.places -= 1;
        self.seeking_tasks -= usize::from(seeks);
        self.max_threads += usize::from(sort == Sort::Thread);
    }

    /// The run goes on.
    pub(crate) fn take_place_back(&mut self, sort: Sort, seeks: bool) {
        self.places += 1;
        self.seeking_tasks += usize::from(seeks);
        self.max_threads -= usize::from(sort == Sort::Thread);
    }

    /// Takes out all runs that have not started.
    pub(crate) fn drain(&mut self) -> Vec<Run> {
        self.places -= self.tasks.len() + self.threads.len();
        self.holding_back = false;
        let ready = self.tasks.drain(..).chain(self.threads.drain(..));
        ready.chain(self.waiting.drain(..)).collect()
    }
}

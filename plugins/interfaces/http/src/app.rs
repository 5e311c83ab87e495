//! What all handlers work with.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_engine::{Call, Scheduler};

use crate::access::Access;
use crate::hosts::Hosts;
use crate::limits::{Answers, Rates};
use crate::live::Feed;
use crate::metrics::Counted;
use crate::redaction::Redaction;

/// What all handlers work with.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Shared>);

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) scheduler: Scheduler,
    pub(crate) access: Option<Access>,
    pub(crate) hosts: Hosts,
    pub(crate) functions: Vec<String>,
    pub(crate) redaction: Redaction,
    pub(crate) feed: Feed,
    pub(crate) counted: Counted,
    pub(crate) answers: Answers,
    pub(crate) rates: Rates,
    /// Makes the document `openapi.json`, when it is asked for.
    pub(crate) document: fn() -> &'static str,
}

impl App {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    pub(crate) fn access(&self) -> Option<&Access> {
        self.0.access.as_ref()
    }

    pub(crate) fn hosts(&self) -> &Hosts {
        &self.0.hosts
    }

    pub(crate) fn functions(&self) -> &[String] {
        &self.0.functions
    }

    pub(crate) fn redaction(&self) -> &Redaction {
        &self.0.redaction
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.0.feed
    }

    pub(crate) fn document(&self) -> &'static str {
        (self.0.document)()
    }

    pub(crate) fn answers(&self) -> &Answers {
        &self.0.answers
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.0.rates
    }

    pub(crate) fn counted(&self) -> &Counted {
        &self.0.counted
    }

    /// Returns the scheduler, for what never waits for a store.
    pub(crate) fn scheduler(&self) -> &Scheduler {
        &self.0.scheduler
    }

    /// Makes a call that may wait for a store, off the thread that serves requests.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Scheduler) -> Result<T> + Send + 'static,
    ) -> Call<T> {
        self.0.scheduler.call(call)
    }

    /// Makes a call on behalf of somebody.
    pub(crate) fn call_as<T: Send + 'static>(
        &self,
        who: Arc<str>,
        call: impl FnOnce(&Scheduler) -> Result<T> + Send + 'static,
    ) -> Call<T> {
        self.0.scheduler.call(move |scheduler| call(&scheduler.acting_as(who)))
    }
}

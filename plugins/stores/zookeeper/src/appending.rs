//! Writes records, steps of open runs, and the ends of batches.
//!
//! The records of a run and the steps of its row are in one request. Each request fails if the owner is found dead meanwhile.
//! If there are several, that which removes the entries of the journal is sent when the others have been executed. So a
//! process that ends in between leaves entries, whose runs have records, and the next scheduler that looks removes them.

use std::collections::HashMap;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, BatchId, OpenStep, OwnerState, RunRecord, RunState, Writes,
};
use apscheduler_core::run::{OwnerId, RunId};
use zookeeper_client::Error as ClientError;

use crate::access::Access;
use crate::failure::{Attempt, Failure};
use crate::nodes::Nodes;
use crate::open_rows::{self, Row};
use crate::records::{self, Key};
use crate::session::Session;
use crate::transaction::{Operation, Outcome, Room, commit, unexpected};
use crate::writing::MAX_TRIES;
use crate::{journal, owners};

/// How many runs are written in one call.
const PAGE: usize = 2000;

/// What is written about a run.
#[derive(Default)]
struct Unit<'a> {
    records: Vec<&'a RunRecord>,
    steps: Vec<&'a OpenStep>,
    /// Its row, if there are steps.
    row: Option<Row>,
    is_written: bool,
}

/// Writes what an owner has to say about runs.
pub(crate) fn append(access: &Access, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
    let mut units = units(writes);
    let count = units.len();
    let mut start = 0;
    loop {
        let end = (start + PAGE).min(count);
        let page = &mut units[start..end];
        let closed = if end == count { writes.closed } else { &[] };
        let appended = access.run(async |session, nodes| {
            let mut page = Page { access, session, nodes, owner, units: page, closed };
            page.write().await
        })?;
        if appended == Appended::Fenced {
            for page in writes.records.chunks(PAGE) {
                access.run(async |session, nodes| note_late(session, nodes, page).await)?;
            }
            return Ok(Appended::Fenced);
        }
        start = end;
        if start == count {
            return Ok(Appended::Written);
        }
    }
}

/// Groups what is written by runs, in the order of their first mention.
fn units<'a>(writes: &Writes<'a>) -> Vec<Unit<'a>> {
    let mut units: Vec<Unit<'a>> = Vec::new();
    let mut places: HashMap<RunId, usize> = HashMap::new();
    let mut place_of = |run: RunId, units: &mut Vec<Unit<'a>>| {
        *places.entry(run).or_insert_with(|| {
            units.push(Unit::default());
            units.len() - 1
        })
    };
    for record in writes.records {
        let place = place_of(record.run_id, &mut units);
        let unit = &mut units[place];
        // The first outcome of an attempt counts.
        if unit.records.iter().all(|other| other.attempt != record.attempt) {
            unit.records.push(record);
        }
    }
    for step in writes.steps {
        let place = place_of(step.run_id, &mut units);
        units[place].steps.push(step);
    }
    units
}

/// A call that writes.
struct Page<'a, 'w> {
    access: &'a Access,
    session: &'a Session,
    nodes: &'a Nodes,
    owner: OwnerId,
    units: &'a mut [Unit<'w>],
    closed: &'a [BatchId],
}

/// A request: the units in it, and whether it closes the batches.
#[derive(Default)]
struct Request {
    units: Vec<usize>,
    operations: Vec<Operation>,
    closes: bool,
}

impl Page<'_, '_> {
    async fn write(&mut self) -> Attempt<Appended> {
        let all: Vec<usize> = (0..self.units.len()).collect();
        self.read_rows(&all).await?;
        let mut is_closed = self.closed.is_empty();
        let mut last = ClientError::BadVersion;
        for _ in 0..MAX_TRIES {
            let owner = owners::find(self.session, self.nodes, self.owner).await?;
            if owner.as_ref().is_some_and(|owner| owner.state() == OwnerState::Dead) {
                return Ok(Appended::Fenced);
            }
            let mut requests = self.requests();
            if requests.len() <= 1 && !is_closed {
                let operations = self.close().await?;
                if requests.is_empty() && !operations.is_empty() {
                    requests.push(Request::default());
                }
                match requests.first_mut() {
                    Some(request) => {
                        request.operations.extend(operations);
                        request.closes = true;
                    }
                    // Others have closed them.
                    None => is_closed = true,
                }
            }
            if requests.is_empty() && is_closed {
                return Ok(Appended::Written);
            }
            if let Some(version) = owner.map(|owner| owner.version) {
                let path = self.nodes.owner(self.owner);
                for request in &mut requests {
                    // Last, so that other operations keep their places.
                    request.operations.push(Operation::Check { path: path.clone(), version });
                }
            }
            if let Some(error) = self.send(requests, &mut is_closed).await? {
                last = error;
            }
        }
        Err(unexpected(last))
    }

    /// Returns the requests for what is not written yet.
    fn requests(&mut self) -> Vec<Request> {
        let (mut requests, mut room): (Vec<Request>, _) = (Vec::new(), Room::default());
        for (place, unit) in self.units.iter_mut().enumerate().filter(|(_, unit)| !unit.is_written)
        {
            let mut operations: Vec<Operation> =
                unit.records.iter().flat_map(|record| records::add(self.nodes, record)).collect();
            operations.extend(open_rows::carry_out(self.nodes, unit.row.as_ref(), &unit.steps));
            if operations.is_empty() {
                unit.is_written = true;
                continue;
            }
            if !room.take(&operations) || requests.is_empty() {
                requests.push(Request::default());
                room = Room::default();
                room.take(&operations);
            }
            if let Some(request) = requests.last_mut() {
                request.units.push(place);
                request.operations.extend(operations);
            }
        }
        requests
    }

    /// Sends requests. Returns why one was refused, if there is one.
    async fn send(
        &mut self,
        requests: Vec<Request>,
        is_closed: &mut bool,
    ) -> Attempt<Option<ClientError>> {
        let places = requests.iter().flat_map(|request| &request.units);
        let written = places.flat_map(|place| self.units[*place].records.iter().copied());
        let buckets: Vec<String> =
            written.flat_map(|record| records::buckets(self.nodes, record)).collect();
        let ready = self.access.buckets.ensure(self.session, buckets);
        let sent: Vec<_> =
            requests.iter().map(|request| commit(self.session, &request.operations)).collect();
        ready.await?;
        let (mut refused, mut last) = (Vec::new(), None);
        for (request, sent) in requests.iter().zip(sent) {
            match sent.await? {
                Outcome::Committed => {
                    for place in &request.units {
                        self.units[*place].is_written = true;
                    }
                    *is_closed |= request.closes;
                }
                Outcome::Refused(
                    _,
                    error @ (ClientError::NoNode
                    | ClientError::BadVersion
                    | ClientError::NodeExists),
                ) => {
                    refused.extend(&request.units);
                    last = Some(error);
                }
                Outcome::Refused(_, error) => return Err(Failure::Refused(error)),
            }
        }
        if last.is_some() {
            self.access.buckets.forget();
            self.drop_existing(&refused).await?;
            self.read_rows(&refused).await?;
        }
        Ok(last)
    }

    /// Returns the operations that close the batches.
    async fn close(&self) -> Attempt<Vec<Operation>> {
        let parts = journal::parts(self.session, self.nodes).await?;
        let closed = parts.into_iter().filter(|part| self.closed.contains(&part.batch));
        Ok(closed.map(|part| Operation::delete(self.nodes.journal(&part.name))).collect())
    }

    /// Reads the rows that steps change.
    async fn read_rows(&mut self, places: &[usize]) -> Attempt<()> {
        let has_steps = |place: &&usize| !self.units[**place].steps.is_empty();
        let places: Vec<usize> = places.iter().filter(has_steps).copied().collect();
        let runs: Vec<RunId> =
            places.iter().map(|place| self.units[*place].steps[0].run_id).collect();
        let rows = open_rows::read(self.session, self.nodes, &runs).await?;
        for (place, row) in places.into_iter().zip(rows) {
            self.units[place].row = row;
        }
        Ok(())
    }

    /// Leaves out the records that exist already.
    async fn drop_existing(&mut self, places: &[usize]) -> Attempt<()> {
        for place in places {
            // They were sent together.
            let stats: Vec<_> = self.units[*place]
                .records
                .iter()
                .map(|record| self.session.stat(&Key::of(record).path(self.nodes)))
                .collect();
            let mut exist = Vec::with_capacity(stats.len());
            for stat in stats {
                exist.push(stat.await?.is_some());
            }
            let mut exist = exist.into_iter();
            self.units[*place].records.retain(|_| !exist.next().unwrap_or(false));
        }
        Ok(())
    }
}

/// Writes how runs ended into those of their records that say that they are lost.
async fn note_late(session: &Session, nodes: &Nodes, records: &[RunRecord]) -> Attempt<()> {
    let records = records.iter().filter(|record| record.state != RunState::Lost);
    let keys: Vec<_> = records.map(|record| (Key::of(record), record.state)).collect();
    let reads: Vec<_> = keys.iter().map(|(key, _)| session.get(&key.path(nodes))).collect();
    for ((key, late), read) in keys.iter().zip(reads) {
        let Some((data, stat)) = read.await? else { continue };
        let Some(mut record) = records::read(key, &data) else { continue };
        if record.state != RunState::Lost || record.late.is_some() {
            continue;
        }
        record.late = Some(*late);
        let (path, data) = (key.path(nodes), records::data(&record));
        match session.client.set_data(&path, data.as_bytes(), Some(stat.version)).await {
            // Another process has noted it, or the record was removed.
            Ok(_) | Err(ClientError::BadVersion | ClientError::NoNode) => {}
            Err(error) => return Err(Failure::of_write(error)),
        }
    }
    Ok(())
}

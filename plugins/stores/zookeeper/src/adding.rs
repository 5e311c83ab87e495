//! Adds jobs: all of them or none.

use apscheduler_core::Result;
use apscheduler_core::store::NewRecord;
use apscheduler_plugin_kit::store::refuse_duplicate_ids;

use crate::access::Access;
use crate::jobs::Change;
use crate::nodes::Nodes;
use crate::transaction::{fits_at_once, is_too_large, too_large};
use crate::{at_once, in_steps};

/// Adds records.
pub(crate) fn add(access: &Access, records: &[NewRecord]) -> Result<()> {
    refuse_duplicate_ids(records)?;
    if records.is_empty() {
        return Ok(());
    }
    let nobody = Nodes::new(&access.config().path, "");
    let mut all = Vec::with_capacity(records.len() * 2);
    for record in records {
        let Change { operations, .. } = at_once::new(&nobody, record, None)?;
        if is_too_large(&operations) {
            return Err(too_large(&record.id, &operations));
        }
        all.extend(operations);
    }
    if fits_at_once(&all) || records.len() == 1 {
        access.run(async |session, nodes| at_once::add(access, (session, nodes), records).await)
    } else {
        in_steps::add(access, records)
    }
}

//! Finds documents.

use apscheduler_core::Result;
use mongodb::Collection;
use mongodb::bson::Document;

use crate::connection::Connection;

/// The most documents in one batch of a cursor.
pub(crate) const MOST_AT_ONCE: u32 = 10_000;

/// Which documents to find.
#[derive(Default)]
pub(crate) struct Search {
    pub(crate) filter: Document,
    pub(crate) sort: Document,
    /// How many documents to skip.
    pub(crate) skip: usize,
    /// The most documents to return.
    pub(crate) limit: usize,
    /// The fields to return; empty means all.
    pub(crate) fields: Document,
}

/// Returns the documents that a search finds.
pub(crate) fn find(
    connection: &Connection,
    collection: &Collection<Document>,
    search: Search,
) -> Result<Vec<Document>> {
    if search.limit == 0 {
        // To the server, 0 means no limit.
        return Ok(Vec::new());
    }
    let collection = collection.clone();
    let most = u32::try_from(search.limit).unwrap_or(u32::MAX).min(MOST_AT_ONCE);
    connection.run(async move {
        let mut cursor = collection
            .find(search.filter)
            .sort(search.sort)
            .skip(u64::try_from(search.skip).unwrap_or(u64::MAX))
            .limit(i64::try_from(search.limit).unwrap_or(i64::MAX))
            // One more than the limit: the server then closes the cursor with the first batch.
            .batch_size(most + 1)
            .projection(search.fields)
            .await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    })
}

//! The SQL statements of the ledger.

use crate::rows::{OPEN_COLUMNS, RUN_COLUMNS};
use crate::schema::quoted;

/// The time in microseconds since 1970, by the clock of SQLite.
const NOW: &str = "CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)";

/// The text of each statement, for one table of jobs.
#[derive(Debug)]
pub(crate) struct LedgerStatements {
    pub(crate) note_claims: String,
    pub(crate) close_batch: String,
    pub(crate) journal: String,
    pub(crate) journal_of_owner: String,
    pub(crate) insert_run: String,
    pub(crate) run_exists: String,
    pub(crate) all_runs: String,
    pub(crate) runs_of_job: String,
    pub(crate) add_late: String,
    pub(crate) owner_state: String,
    pub(crate) heartbeat: String,
    pub(crate) end_owner: String,
    pub(crate) owners: String,
    pub(crate) condemn: String,
    pub(crate) nth_latest_ok: String,
    pub(crate) prune: String,
    pub(crate) prune_owners: String,
    pub(crate) add_open: String,
    pub(crate) change_open: String,
    pub(crate) end_open: String,
    pub(crate) all_open: String,
    pub(crate) open_of_job: String,
    pub(crate) open_of_owner: String,
    pub(crate) due_open: String,
    pub(crate) claim_open: String,
    pub(crate) next_open: String,
}

impl LedgerStatements {
    pub(crate) fn new(tablename: &str) -> Self {
        let claims = quoted(&format!("{tablename}_claims"));
        let runs = quoted(&format!("{tablename}_runs"));
        let owners = quoted(&format!("{tablename}_owners"));
        let open = quoted(&format!("{tablename}_open"));
        let journal = format!("SELECT batch, owner, claimed, entries FROM {claims} WHERE");
        let select_runs = format!("SELECT {RUN_COLUMNS} FROM {runs} WHERE");
        let wanted_runs = "(?2 IS NULL OR run_id < ?2)
            AND (?5 IS NULL OR run_id = ?5)
            AND (?3 IS NULL OR state IN (SELECT value FROM json_each(?3)))
            ORDER BY run_id DESC, attempt DESC LIMIT ?4";
        let has_open = format!(
            "EXISTS (SELECT 1 FROM {open} AS run WHERE run.owner = owner.owner AND run.state = 'claimed')"
        );
        let marked = "run_id = ?1 AND attempt = ?2 AND state = ?3 AND owner = ?4";
        let select_open = |which: &str| {
            format!(
                "SELECT {OPEN_COLUMNS} FROM {open} WHERE {which}
                 AND (?1 IS NULL OR job_id = ?1) AND (?2 IS NULL OR owner = ?2)
                 AND (?3 IS NULL OR run_id = ?3) AND (?4 IS NULL OR state = ?4)
                 AND (?5 IS NULL OR run_id > ?5) ORDER BY run_id LIMIT ?6"
            )
        };
        Self {
            note_claims: format!(
                "INSERT INTO {claims} (batch, owner, claimed, entries) VALUES (?1, ?2, ?3, ?4)"
            ),
            close_batch: format!("DELETE FROM {claims} WHERE batch = ?1"),
            journal: format!(
                "{journal} ?1 IS NULL AND (?2 IS NULL OR batch < ?2) ORDER BY batch DESC LIMIT ?3"
            ),
            journal_of_owner: format!("{journal} owner = ?1 AND ?2 IS NULL ORDER BY batch LIMIT ?3"),
            insert_run: format!(
                "INSERT OR IGNORE INTO {runs} ({RUN_COLUMNS})
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
            ),
            add_late: format!(
                "UPDATE {runs} SET late = ?3
                 WHERE run_id = ?1 AND attempt = ?2 AND state = 'lost' AND late IS NULL"
            ),
            owner_state: format!("SELECT state FROM {owners} WHERE owner = ?1"),
            heartbeat: format!(
                "INSERT INTO {owners} (owner, name, host, pid, state, heartbeat, lease)
                 VALUES (?1, ?2, ?3, ?4, 'alive', {NOW}, ?5)
                 ON CONFLICT (owner) DO UPDATE SET heartbeat = excluded.heartbeat, lease = ?5
                 WHERE state = 'alive'"
            ),
            end_owner: format!(
                "UPDATE {owners} SET state = 'ended', heartbeat = {NOW}
                 WHERE owner = ?1 AND state = 'alive'"
            ),
            owners: format!(
                "SELECT owner, name, host, pid, state, heartbeat, lease FROM {owners} AS owner
                 WHERE state = 'alive'
                 OR EXISTS (SELECT 1 FROM {claims} AS claim WHERE claim.owner = owner.owner)
                 OR {has_open}"
            ),
            condemn: format!(
                "UPDATE {owners} SET state = 'dead'
                 WHERE owner = ?1 AND heartbeat = ?2 AND state = 'alive'"
            ),
            run_exists: format!("SELECT EXISTS (SELECT 1 FROM {runs} WHERE run_id = ?1)"),
            all_runs: format!("{select_runs} ?1 IS NULL AND {wanted_runs}"),
            runs_of_job: format!("{select_runs} job_id = ?1 AND {wanted_runs}"),
            nth_latest_ok: format!(
                "SELECT run_id FROM {runs} WHERE state = 'ok' ORDER BY run_id DESC LIMIT 1 OFFSET ?1"
            ),
            prune_owners: format!(
                "DELETE FROM {owners} AS owner WHERE state <> 'alive' AND heartbeat < ?1
                 AND owner NOT IN (SELECT owner FROM {claims}) AND NOT {has_open}"
            ),
            prune: format!(
                "DELETE FROM {runs} WHERE (run_id, attempt) IN (
                    SELECT run_id, attempt FROM {runs} AS old
                    WHERE run_id < max(?1, ?2) AND (run_id < ?2 OR state = 'ok')
                    AND (SELECT count(*) FROM (SELECT 1 FROM {runs} AS later
                        WHERE later.job_id = old.job_id AND later.run_id > old.run_id LIMIT ?3)) >= ?3
                    ORDER BY run_id LIMIT ?4)"
            ),
            add_open: format!(
                "INSERT OR IGNORE INTO {open} ({OPEN_COLUMNS})
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
            ),
            change_open: format!(
                "UPDATE {open} SET attempt = ?5, state = ?6, owner = ?7, due = ?8, cancel = ?9, data = ?10
                 WHERE {marked}"
            ),
            end_open: format!("DELETE FROM {open} WHERE {marked}"),
            all_open: select_open("TRUE"),
            open_of_job: select_open("job_id = ?1"),
            open_of_owner: select_open("owner = ?2"),
            due_open: format!(
                "SELECT run_id FROM {open} WHERE state = 'waiting' AND due <= ?1
                 ORDER BY due, run_id LIMIT ?2"
            ),
            claim_open: format!(
                "UPDATE {open} SET state = 'claimed', owner = ?2, due = NULL
                 WHERE run_id = ?1 RETURNING {OPEN_COLUMNS}"
            ),
            next_open: format!("SELECT min(due) FROM {open} WHERE state = 'waiting'"),
        }
    }
}

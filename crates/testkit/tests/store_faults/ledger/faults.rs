//! The faults of a ledger, and cases that must find each.

use crate::faulty::Fault;

macro_rules! faults {
    ($($fault:ident: $($case:literal),+;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum LedgerFault {
            $($fault,)+
        }

        /// Each fault, and cases that must find it.
        pub(crate) const LEDGER_FAULTS: &[(Fault, &[&str])] =
            &[$((Fault::Ledger(LedgerFault::$fault), &[$($case),+]),)+];
    };
}

faults! {
    // Records.
    LastOutcomeCounts: "recording::the_first_outcome_of_a_run_counts";
    AttemptsAreOneRun: "recording::the_first_outcome_of_a_run_counts";
    ARecordIsDropped:
        "recording::a_record_is_read_as_it_was_written",
        "recording::pages_of_runs_have_no_gaps_and_no_repetitions",
        "open_runs::an_attempt_and_its_record_end_together";
    RunsOldestFirst:
        "recording::runs_are_listed_from_the_latest_to_the_earliest",
        "recording::pages_of_runs_have_no_gaps_and_no_repetitions",
        "recording::open_runs_are_listed_as_claimed";
    RunsIgnoreTheJob: "recording::runs_are_filtered_by_job_and_state";
    RunsIgnoreTheRun: "recording::runs_are_filtered_by_job_and_state";
    RunsIgnoreTheState:
        "recording::runs_are_filtered_by_job_and_state",
        "recording::open_runs_are_listed_as_claimed";
    RunsIgnoreBefore: "recording::pages_of_runs_have_no_gaps_and_no_repetitions";
    RunsIncludeTheOneBefore: "recording::pages_of_runs_have_no_gaps_and_no_repetitions";
    RunsIgnoreTheLimit: "recording::runs_are_listed_from_the_latest_to_the_earliest";
    RunsForgetOpenOnes: "recording::open_runs_are_listed_as_claimed";
    RecordedRunsStayOpen: "recording::open_runs_are_listed_as_claimed";

    // The journal.
    ClaimsWriteNoJournal:
        "recording::a_claim_is_in_the_journal_until_its_batch_is_closed",
        "recording::owners_with_open_runs_are_listed",
        "recording::records_and_journal_survive_a_restart";
    JournalHasEveryClaim: "recording::only_claims_of_the_batch_are_in_the_journal";
    JournalHasEmptyBatches: "recording::a_claim_that_wins_nothing_leaves_no_journal";
    JournalForgetsSkipped: "recording::what_a_claim_skips_is_in_the_journal";
    JournalEndsWithTheJob: "recording::open_runs_outlive_their_job";
    JournalIgnoresTheOwner: "recording::a_claim_is_in_the_journal_until_its_batch_is_closed";
    JournalNewestFirst: "recording::a_job_may_have_open_runs_in_several_batches";
    JournalIgnoresTheLimit: "recording::the_journal_is_read_in_pieces";
    ClosedBatchesStay:
        "recording::a_claim_is_in_the_journal_until_its_batch_is_closed",
        "recording::a_job_may_have_open_runs_in_several_batches";
    EveryBatchIsClosed: "recording::a_job_may_have_open_runs_in_several_batches";

    // Owners.
    HeartbeatsRevive: "recording::a_dead_owner_stays_dead";
    TheDeadMayEnd: "recording::a_dead_owner_stays_dead";
    TheFirstLeaseStays: "recording::an_owner_is_alive_until_it_ends";
    CondemnIgnoresSignsOfLife: "recording::only_an_owner_that_is_silent_since_then_is_condemned";
    OwnersForgetTheJournal: "recording::owners_with_open_runs_are_listed";
    OwnersForgetOpenRuns: "open_runs::owners_of_claimed_open_runs_are_listed";
    TheDeadMayWrite:
        "recording::outcomes_of_a_dead_owner_are_refused_and_noted",
        "open_runs::a_dead_owner_changes_and_claims_no_open_runs";
    TheDeadMayClose: "recording::outcomes_of_a_dead_owner_are_refused_and_noted";
    LateOutcomesAreNotNoted: "recording::outcomes_of_a_dead_owner_are_refused_and_noted";

    // Retention.
    PruneIgnoresTheLastOfAJob:
        "recording::old_records_are_removed_except_the_last_of_each_job",
        "recording::records_that_are_kept_make_way_for_later_ones";
    PruneTreatsAllAsSuccesses: "recording::old_records_are_removed_except_the_last_of_each_job";
    PruneKeepsWhatIsOld:
        "recording::old_records_are_removed_except_the_last_of_each_job",
        "recording::records_are_removed_in_pieces";
    PruneIgnoresTheMaximum: "recording::surplus_records_of_success_are_removed";
    PruneIgnoresTheLimit: "recording::records_are_removed_in_pieces";
    PruneTakesTheLatest: "recording::records_are_removed_in_pieces";
    PruneKeepsOwners: "recording::owners_that_ended_long_ago_are_removed";
    PruneRemovesBusyOwners:
        "recording::owners_that_ended_long_ago_are_removed",
        "open_runs::owners_of_claimed_open_runs_are_not_forgotten";

    // Steps of open runs.
    StepsIgnoreTheAttempt: "open_runs::a_step_needs_the_row_that_it_expects";
    StepsIgnoreTheState: "open_runs::a_step_needs_the_row_that_it_expects";
    StepsIgnoreTheOwner: "open_runs::a_step_needs_the_row_that_it_expects";
    AddReplaces: "open_runs::an_open_run_that_exists_is_not_added_again";
    ChangeAdds: "open_runs::a_step_needs_the_row_that_it_expects";
    ChangesKeepTheData: "open_runs::a_change_writes_every_value";
    ChangesKeepTheRequest: "open_runs::a_change_writes_every_value";
    StepsOutOfOrder: "open_runs::steps_of_one_run_are_carried_out_in_their_order";
    RecordsMakeStepsForgotten: "open_runs::an_attempt_and_its_record_end_together";

    // Claims of open runs.
    ClaimsOpenWithoutALock: "open_runs::each_waiting_run_is_claimed_once";
    ClaimsOpenChangeNothing: "open_runs::waiting_runs_are_claimed_when_they_are_due";
    ClaimsOpenIgnoreTheTime: "open_runs::waiting_runs_are_claimed_when_they_are_due";
    ClaimsOpenIgnoreTheLimit: "open_runs::waiting_runs_are_claimed_when_they_are_due";
    ClaimsOpenTakeTheFirstIdentifiers: "open_runs::waiting_runs_are_claimed_when_they_are_due";
    ClaimsOpenTakeThoseWithoutATime: "open_runs::a_run_without_a_due_time_is_not_claimed";
    TheDeadMayClaim: "open_runs::a_dead_owner_changes_and_claims_no_open_runs";
    NextOpenIsUnknown: "open_runs::the_first_run_that_is_due_is_known";
    NextOpenIsTheLast: "open_runs::the_first_run_that_is_due_is_known";
    ClaimsWriteNoOpenRuns: "open_runs::a_claim_writes_the_open_runs_of_its_batch";
    OpenRunsEndWithTheirJob: "open_runs::a_finished_job_leaves_its_open_runs";

    // Lists of open runs.
    OpenRunsIgnoreTheJob: "open_runs::open_runs_are_filtered_and_paged";
    OpenRunsIgnoreTheRun: "open_runs::open_runs_are_filtered_and_paged";
    OpenRunsIgnoreTheOwner: "open_runs::open_runs_are_filtered_and_paged";
    OpenRunsIgnoreTheState: "open_runs::open_runs_are_filtered_and_paged";
    OpenRunsIgnoreAfter: "open_runs::open_runs_are_filtered_and_paged";
    OpenRunsIgnoreTheLimit: "open_runs::open_runs_are_filtered_and_paged";
    OpenRunsLatestFirst: "open_runs::open_runs_are_filtered_and_paged";
}

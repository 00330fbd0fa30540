//! Every family of metrics: name, shape, labels and its line of help. A closed list.
//!
//! Labels come from closed sets: kinds, outcomes, finding codes, configured endpoints. A centre is no label
//! here: the obligation family is the only one with centres, and `report` renders it.

/// One family of metrics.
pub struct Family {
    /// Its name, with prefix and base unit.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub shape: Shape,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// One line for people.
    pub help: &'static str,
}

/// What a family's values are.
#[derive(Clone, Copy)]
pub enum Shape {
    /// Only grows.
    Counter,
    /// How something is at present.
    Gauge,
    /// Measurements, by upper bounds of buckets.
    Histogram(&'static [f64]),
}

/// From a synced append on a fast disk to a disk in trouble.
const SYNC: Shape = Shape::Histogram(&[
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
]);
/// From a validation to a patient caller's time limit.
const REQUEST: Shape = Shape::Histogram(&[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
]);
/// From a near insurer to the longest answer that is waited for.
const ATTEMPT: Shape = Shape::Histogram(&[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
]);
/// From one command to a full batch.
const BATCH: Shape = Shape::Histogram(&[
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0,
]);

macro_rules! families {
    ($($constant:ident = $name:literal $shape:expr, $labels:expr, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: &Family = &Family {
                name: concat!("bordereau_", $name),
                shape: $shape,
                labels: &$labels,
                help: $help,
            };
        )*
        /// Every family, in the order of a document's way.
        pub const ALL: &[&Family] = &[$($constant),*];
    };
}

families! {
    BUILD_INFO = "build_info" Shape::Gauge, ["version"],
        "1, with the version that runs.";
    START_TIME = "start_time_seconds" Shape::Gauge, [],
        "When the gateway started, in seconds since 1970.";

    PUBLIC_CERTIFICATE = "public_certificate_expires_seconds" Shape::Gauge, [],
        "Until when the public listener's certificate is good, in seconds since 1970.";
    PUBLIC_LISTS_ISSUED = "public_lists_issued_seconds" Shape::Gauge, [],
        "When the oldest revocation list of callers was issued, in seconds since 1970; 0 while one never came.";
    PUBLIC_LISTS_UNTIL = "public_lists_until_seconds" Shape::Gauge, [],
        "Until when callers' certificates are vouched for, in seconds since 1970; +Inf where no list is wanted.";
    RENEWALS = "renewals_total" Shape::Counter, ["part", "outcome"],
        "Times that changed files were read again while running, by whose they are and what came of it.";
    REVOCATION_FETCHES = "revocation_fetches_total" Shape::Counter, ["outcome"],
        "Revocation lists asked for, by outcome.";

    ACCESS_DENIED = "access_denied_total" Shape::Counter, ["reason"],
        "Requests refused for who asked, by reason.";
    ACCESS_HANDSHAKES_FAILED = "access_handshake_errors_total" Shape::Counter, [],
        "TLS handshakes of callers that failed.";

    INTAKE_DOCUMENTS = "intake_documents_total" Shape::Counter, ["kind", "outcome"],
        "Documents posted, by kind and what became of the post.";
    INTAKE_SECONDS = "intake_seconds" REQUEST, [],
        "Time from a request's head to its answer, in seconds.";
    INTAKE_FINDINGS = "intake_findings_total" Shape::Counter, ["code"],
        "Findings of validation, warnings included, by code.";
    INTAKE_SHED = "intake_shed_total" Shape::Counter, [],
        "Requests answered 503 because the store asked for patience.";

    STORE_COMMIT_SECONDS = "store_commit_seconds" SYNC, [],
        "Time to write and sync one batch of commands, in seconds.";
    STORE_COMMIT_ENTRIES = "store_commit_entries" BATCH, [],
        "Entries written and synced together in one batch.";
    STORE_WRITTEN = "store_written_bytes_total" Shape::Counter, [],
        "Bytes of entries and bodies written.";
    STORE_SYNC_ERRORS = "store_sync_errors_total" Shape::Counter, [],
        "Writes and syncs that failed; after one nothing is acknowledged until the store was verified.";
    STORE_REOPENED = "store_reopened_total" Shape::Counter, [],
        "Times that the journal was opened anew and verified after a failed write or sync.";
    STORE_ROOM = "store_room_state" Shape::Gauge, [],
        "0 the disk has room; 1 low: no document is admitted; 2 full: nothing is written.";
    STORE_REPLAYED = "store_replayed_entries_total" Shape::Counter, [],
        "Entries applied again to the index, at start or after it failed.";
    STORE_DAMAGED = "store_damaged_places_total" Shape::Counter, [],
        "Places of the journal found damaged at start; `verify-store` names them. A person must look.";
    STORE_TAIL_CUT = "store_tail_cut_bytes_total" Shape::Counter, [],
        "Bytes of a torn tail cut from the journal at start; none of them was acknowledged.";
    STORE_MASTER_KEY = "store_master_key_since_seconds" Shape::Gauge, [],
        "Since when the master key of the store is in use, in seconds since 1970; +Inf where bodies are not encrypted.";
    STORE_INDEX_FAILURES = "store_index_failures_total" Shape::Counter, [],
        "Times the index failed, at the start or while the store ran, and was built anew from the journal.";
    STORE_SORTED_FILES = "store_sorted_files" Shape::Gauge, [],
        "Sorted files that hold what finished documents left behind.";
    STORE_SORTED_BYTES = "store_sorted_bytes" Shape::Gauge, [],
        "Bytes of these files.";
    STORE_SORTED_FAILURES = "store_sorted_failures_total" Shape::Counter, [],
        "Sorted files that could not be written: finished documents stay in the index until one can.";
    STORE_READY = "store_ready" Shape::Gauge, [],
        "1 while the store can commit, else 0.";
    STORE_FREE = "store_free_bytes" Shape::Gauge, [],
        "Bytes free where the journal is.";
    STORE_INDEX_LAG = "store_index_lag_entries" Shape::Gauge, [],
        "Entries durable and not yet applied to the index.";
    STORE_WAITING = "store_waiting_commands" Shape::Gauge, [],
        "Commands waiting for the committer.";

    STORE_BACKUP_AGE = "store_backup_age_seconds" Shape::Gauge, [],
        "Age of the last backup of the store, in seconds; +Inf when none is known.";
    STORE_BACKUP_POSITION = "store_backup_position" Shape::Gauge, [],
        "Number of the last entry that is in the last backup.";
    STORE_BACKUP_FAILURES = "store_backup_failures_total" Shape::Counter, [],
        "Backups that were ordered and not made; the earlier one stays.";
    STORE_RESTORED = "store_restored_state" Shape::Gauge, [],
        "1 while nothing is sent because the store was restored from a backup; else 0.";
    STORE_RESTORED_LOST = "store_restored_lost_seconds" Shape::Gauge, [],
        "Time of which nothing is known since the last restore, in seconds; 0 when the store was never restored.";

    QUEUE_DOCUMENTS = "queue_documents" Shape::Gauge, ["endpoint", "standing"],
        "Unfinished documents, by standing (in a lot: how far the lot is) and endpoint.";
    QUEUE_OLDEST = "queue_oldest_seconds" Shape::Gauge, ["endpoint"],
        "Age of the oldest document that is not transmitted, in seconds.";
    QUEUE_STUCK = "queue_stuck_documents" Shape::Gauge, [],
        "Unfinished documents without a next instant; always 0.";

    DELIVERY_LOTS = "delivery_lots_total" Shape::Counter, ["endpoint"],
        "Lots sealed.";
    DELIVERY_ATTEMPTS = "delivery_attempts_total" Shape::Counter, ["endpoint", "outcome"],
        "Attempts to transmit a lot, by outcome.";
    DELIVERY_QUESTIONS = "delivery_questions_total" Shape::Counter, ["endpoint", "outcome"],
        "Insurers asked about the status of a lot, by outcome.";
    DELIVERY_SECONDS = "delivery_seconds" ATTEMPT, [],
        "Time of one attempt to transmit a lot, in seconds.";
    DELIVERY_CERTIFICATE = "delivery_certificate_expires_seconds" Shape::Gauge, ["endpoint"],
        "Until when the certificate shown to an endpoint is good, in seconds since 1970; +Inf where none is shown.";
    DELIVERY_LISTS_ISSUED = "delivery_lists_issued_seconds" Shape::Gauge, ["endpoint"],
        "When the oldest revocation list of an endpoint was issued, in seconds since 1970; 0 while one never came.";
    DELIVERY_LISTS_UNTIL = "delivery_lists_until_seconds" Shape::Gauge, ["endpoint"],
        "Until when an endpoint's certificate is vouched for, in seconds since 1970; +Inf where no list is wanted.";
    DELIVERY_BREAKER = "delivery_breaker_state" Shape::Gauge, ["endpoint"],
        "0 closed: lots go; 1 half open: one goes as a trial; 2 open: lots are held.";
    DELIVERY_UNREADABLE = "delivery_unreadable_lots_total" Shape::Counter, [],
        "Lots whose bytes could not be read or do not match their digest; a person must look.";
    DELIVERY_ALERTS = "delivery_alerts_total" Shape::Counter, ["endpoint", "alert"],
        "Events about single lots that somebody must hear of, by what they are.";
    DELIVERY_LIMIT = "delivery_limit_attempts" Shape::Gauge, ["endpoint"],
        "Attempts that may run at once at present; it grows with success, is cut by trouble, and is 0 of an endpoint that left.";
    DELIVERY_UNSEALED = "delivery_unsealed_groups" Shape::Gauge, ["cause"],
        "Groups of documents that were due to be sealed at the last turn and could not be.";
    DELIVERY_STALLS = "delivery_stalls_total" Shape::Counter, [],
        "Turns of the transmitting loop that could not use the store.";

    RECEIPTS = "receipts_total" Shape::Counter, ["endpoint", "kind"],
        "Receipts and settlements that insurers gave out, by kind.";
    RECEIPTS_ORPHANED = "receipts_orphaned_total" Shape::Counter, ["endpoint", "cause"],
        "Receipts and settlements kept that moved nothing, by cause.";
    RECEIPTS_POLLS = "receipts_polls_total" Shape::Counter, ["endpoint", "outcome"],
        "Insurers asked for receipts, by outcome.";
    RECEIPTS_ORPHANS = "receipts_orphans" Shape::Gauge, [],
        "Receipts and settlements kept that match nothing known here.";
    RECEIPTS_OVERDUE = "receipts_overdue_documents" Shape::Gauge, ["endpoint"],
        "Documents whose receipt was expected by now.";

    RETENTION_GONE = "retention_gone_bodies_total" Shape::Counter, [],
        "Bodies past their time that are gone.";
    RETENTION_GONE_BYTES = "retention_gone_bytes_total" Shape::Counter, [],
        "Bytes of bodies past their time that are gone.";
    RETENTION_COPIED_BYTES = "retention_copied_bytes_total" Shape::Counter, [],
        "Bytes of bodies that were copied because they are kept.";
    RETENTION_STALLS = "retention_stalls_total" Shape::Counter, [],
        "Times that bodies past their time could not be looked for or cleared.";
    RETENTION_CLOCK = "retention_clock_doubted" Shape::Gauge, [],
        "1 while nothing is cleared because the clock is further ahead than retention.clock_seconds of the ledger at the start or of the time that has passed; 0 otherwise.";
    RETENTION_OLDEST = "retention_oldest_body_seconds" Shape::Gauge, [],
        "When the oldest body that is kept was admitted or heard, in seconds since 1970; what is in the segment that is written to counts with its first entry, and that segment ends retention.segment_days after it; +Inf without any.";
    RETENTION_NEXT = "retention_next_run_seconds" Shape::Gauge, [],
        "Before this no segment is cleared, in seconds since 1970; +Inf where it cannot be told.";
    RETENTION_HOLDS = "retention_legal_holds" Shape::Gauge, ["state"],
        "Legal holds that stand, by whether their day of review has passed.";
    RETENTION_OLDEST_PROOF = "retention_oldest_proof_seconds" Shape::Gauge, [],
        "When the oldest entry was decided that no foundation stands for, in seconds since 1970; +Inf without any.";
    RETENTION_NEXT_PROOFS = "retention_next_proofs_seconds" Shape::Gauge, [],
        "From when on the oldest proofs are past their time, in seconds since 1970; +Inf where it cannot be told.";
    RETENTION_PAST_PROOFS = "retention_past_proof_segments" Shape::Gauge, [],
        "Segments whose proofs are past their time, until a person has them go.";

    WEBHOOK_REQUESTS = "webhook_requests_total" Shape::Counter, ["target", "outcome"],
        "Requests to targets of webhooks, by outcome.";
    WEBHOOK_BEHIND = "webhook_behind_entries" Shape::Gauge, ["target"],
        "Entries of the ledger that a target was not told of yet, at its last request.";

    DEADLINE_DOCUMENTS = "deadline_documents" Shape::Gauge, ["state"],
        "Documents not yet transmitted or owed on paper, by how they stand to their legal deadline.";
    DEADLINE_ALERTED = "deadline_alerted_documents" Shape::Gauge, ["hours"],
        "Documents not yet transmitted whose last legal day ends within so many hours, and has not ended.";

    LEDGER_POSITION = "ledger_position" Shape::Gauge, [],
        "Number of the last entry of the ledger.";
    LEDGER_ANCHOR_POSITION = "ledger_anchor_position" Shape::Gauge, [],
        "Number of the entry that the last anchor is of.";
    LEDGER_ANCHOR_AGE = "ledger_anchor_age_seconds" Shape::Gauge, [],
        "Age of the last anchor of the ledger, in seconds; +Inf when there is none.";
    LEDGER_ANCHOR_FAILURES = "ledger_anchor_failures_total" Shape::Counter, [],
        "Looks for the anchor of the day that failed; the next one comes after a minute.";
    LEDGER_IMBALANCE = "ledger_imbalance_documents" Shape::Gauge, [],
        "Documents by which the independent counts of the ledger differ; always 0.";
}

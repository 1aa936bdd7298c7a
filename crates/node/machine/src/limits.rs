//! Every limit of a node, in one place, with its intent (NOD-05). Over a limit the answer is
//! `busy` or the oldest goes first, always before one-time material is touched.

use crate::event::Millis;
use quorate_access::Tree;
use quorate_identity::NodeId;

/// How often the pause between two attempts doubles, at most.
pub const RETRY_DOUBLINGS_MAX: u32 = 16;
/// Requests that may be undecided or unsigned at once: a flood must not fill the memory.
pub const REQUESTS_LIVE_MAX: usize = 4_096;
/// Requests in any state that are kept and listed; those that ended longest ago are dropped.
pub const REQUESTS_KEPT_MAX: usize = 16_384;
/// Rejected and cancelled requests of one requester that are kept until they expire; over it the
/// requester waits.
pub const WITHDRAWN_MAX: usize = 1_024;
/// Undecided requests told to each peer in one round of gossip.
pub const REQUESTS_PER_GOSSIP: usize = 256;
/// Sessions that a node takes part in at once: each holds nonces and a job.
pub const SESSIONS_LIVE_MAX: usize = 128;
/// Presignatures of one session: what a message takes, and the time of a core.
pub const PRESIGNATURES_AT_ONCE: usize = 32;
/// Sessions at once that make presignatures, those of other leaders included: the rest signs.
pub const AHEAD_LIVE_MAX: usize = 8;
/// Presignatures of a key that a node wants to have where none was used lately.
pub const PRESIGNATURES_LEAST: usize = 8;
/// A presignature that is older is dropped: it is a nonce in memory.
pub const PRESIGNATURE_AGE_MAX_MS: Millis = 24 * 3_600_000;
/// Runs that a node remembers to have taken part in: it joins none twice. Far more than the sessions
/// that end while a frame is under way.
pub const RUNS_REMEMBERED_MAX: usize = 4_096;
/// Messages kept from one sender for runs that this node has not joined yet.
pub const EARLY_MESSAGES_MAX: usize = 1_024;
/// Bytes of a first message of a session: it waits in memory for judgements and other sessions.
pub const FIRST_BYTES_MAX: usize = 64 << 10;
/// Messages of dealings at one key kept from one sender that this node cannot use yet: those of
/// two attempts.
pub const EARLY_DEALS_MAX: usize = 12;
/// Bytes of such messages kept from one sender.
pub const EARLY_BYTES_MAX: usize = 8 << 20;
/// Statements kept from one sender about requests that this node has not heard of.
pub const EARLY_STATEMENTS_MAX: usize = 512;
/// Requests that ended lately, told to a peer that comes up.
pub const ENDED_TOLD_MAX: usize = 128;
/// Quorums that are tried for one leader before it counts as one without: what members are not
/// paired with whom makes a search.
pub const QUORUMS_TRIED_MAX: u32 = 256;
/// Rounds that any protocol of the engine has, at most; messages of higher rounds are dropped.
pub const ROUNDS_MAX: u8 = 16;
/// Bytes of proposals kept from one voter, in all that is not decided.
pub const PROPOSALS_BYTES_MAX: usize = 64 << 20;
/// Motions under one person's signature that collect signatures or votes at once; people file them,
/// so they are few.
pub const MOTIONS_PER_SIGNER_MAX: usize = 128;
/// Motions that can never become entries any more, still shown.
pub const MOTIONS_OVER_MAX: usize = 256;
/// Approvals and rejections kept for one request: one a person.
pub const VOTES_PER_REQUEST_MAX: usize = 128;
/// Refused proposals kept for one request.
pub const REFUSALS_PER_REQUEST_MAX: usize = 16;
/// Charter entries in one answer to a node that catches up.
pub const ENTRIES_PER_ANSWER: usize = 64;
/// Bytes of charter entries in one answer to a node that catches up.
pub const ENTRY_BYTES_PER_ANSWER: usize = 4 << 20;
/// Bytes of outcomes in one such answer; the rest is asked for again.
pub const RECORD_BYTES_PER_ANSWER: usize = 16 << 20;
/// Bundles of backups that are verified at a time beyond the first of each attempt: each takes a core
/// for up to some seconds.
pub const BUNDLES_JUDGED_AT_ONCE: usize = 4;
/// Attempts at epochs under way, over which this node leads no other: each holds a job.
pub const CEREMONIES_LIVE_MAX: usize = 16;
/// Bytes of one message of a dealing, whatever the key's tree and accounts.
pub const DEAL_BYTES_MAX: usize = 4 << 20;
/// Bytes that a message of a round has, at most, for a dealing of so many accounts over a tree.
pub fn round_bytes_max(tree: &Tree<NodeId>, accounts: usize) -> usize {
    let (leaves, columns) = (tree.leaves().len(), tree.columns());
    let each = ROUND_BYTES_PER_ACCOUNT + 40 * columns + 33 * leaves;
    (16 << 10) + 160 * leaves + accounts * each
}
/// Of these, what an account takes whatever the tree: a proof of possession.
const ROUND_BYTES_PER_ACCOUNT: usize = 832;
/// How much longer an attempt may take without progress for each further account of its key: a
/// slow machine that does other things as well.
pub const CEREMONY_MS_PER_ACCOUNT: Millis = 50;
/// How much longer for each piece of a backup: a member's part for one leaf of a recovery tree.
pub const CEREMONY_MS_PER_PIECE: Millis = 100;
/// Bytes of bundles that are told again to a peer in one round of gossip; one more may begin.
pub const BUNDLE_BYTES_PER_ANSWER: usize = 16 << 20;
/// Motions that set a custody, among those that collect signatures: each recovery key that one names
/// is asked for.
pub const CUSTODY_MOTIONS_MAX: usize = 4;
/// Motions that give a key to somebody, among those that collect signatures: the recovery key that each
/// names is asked for.
pub const EXPORT_MOTIONS_MAX: usize = 4;
/// Canaries of a recovery tree that a node remembers to have seen restored: each counts once.
pub const CANARIES_REMEMBERED_MAX: usize = 64;
/// Freezes of one person that count at once: every key that matters, or the domain.
pub const FREEZES_OF_A_PERSON_MAX: usize = 16;
/// A node that did nothing for so long was switched off, or asleep, or its clock was set.
pub const SLEPT_MS: Millis = 600_000;
/// So long a node whose delay was over when it woke hears others before it stops for good, at most.
pub const CESSION_GRACE_MS_MAX: Millis = 24 * 3_600_000;
/// A node comes back once in so long: whoever lies starts no epochs without end.
pub const REJOIN_PAUSE_MS: Millis = 600_000;
/// Announced successions that wait at once.
pub const CESSIONS_MAX: usize = 8;
/// How far ahead of this node's clock a drill may say that it was finished.
pub const DRILL_AHEAD_MS: Millis = 60_000;
/// How long shares of an epoch that was replaced are kept before that is an alarm.
pub const EPOCH_KEPT_MS_MAX: Millis = 3_600_000;
/// Bytes of one piece of evidence: all messages of a run, of which only a liar's are long.
pub const EVIDENCE_BYTES_MAX: usize = 6 << 20;
/// Pieces of evidence that are kept against one node; its oldest goes first.
pub const EVIDENCE_PER_NODE_MAX: usize = 4;
/// Pieces of evidence that are kept.
pub const EVIDENCE_KEPT_MAX: usize = 64;
/// Bytes of evidence that a node tells a peer whose channel came up, and of a peer's that wait until
/// the piece before is verified; one piece more may begin.
pub const EVIDENCE_BYTES_PER_ANSWER: usize = 16 << 20;
/// Pieces of evidence that a peer may tell in vain in an hour: two honest nodes now and then prove
/// the same with other bytes.
pub const EVIDENCE_IN_VAIN_MAX: u32 = 32;
/// That hour.
pub const EVIDENCE_IN_VAIN_MS: Millis = 3_600_000;
/// Epochs of a key that are over and still shown.
pub const PAST_EPOCHS_SHOWN_MAX: usize = 64;
/// Attempts to sign one request before it counts as failed.
pub const ATTEMPTS_MAX: u32 = 64;
/// Positions beyond its head for which a node takes part in agreement: exactly the next one.
pub const POSITIONS_AHEAD: u64 = 1;
/// Signatures of one request: the inputs of one transaction.
pub const PAYLOADS_MAX: usize = 64;
/// Times that a judgement lost by this machine is begun again.
pub const JUDGEMENTS_LOST_MAX: u32 = 3;
/// Lines of the audit trail that are kept durable.
pub const AUDIT_KEPT_MAX: u64 = 65_536;
/// Lines of the audit trail that are kept in memory and shown.
pub const AUDIT_SHOWN_MAX: usize = 256;
/// Longest text of a line of the audit trail, in bytes.
pub const AUDIT_BYTES_MAX: usize = 512;
/// Records of attempts to sign that are kept durable.
pub const ATTEMPTS_KEPT_MAX: usize = 65_536;
/// Incarnations under which a lapsed node has asked to come back, that it remembers.
pub const REJOINS_ASKED_MAX: usize = 16;
/// Hellos whose answers are still taken.
pub const HELLOS_OPEN_MAX: usize = 8;

/// The waiting times of a node, and how much it tells at once. They make it patient or quick, never
/// unsafe; tests shrink them.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two hellos, as a part of the lease: a quarter leaves room for lost ones.
    pub hello_every_ms: Millis,
    /// Between two rounds of gossip, in which everything undecided is told again.
    pub gossip_every_ms: Millis,
    /// How long the leader of a turn is waited for, though it could lead; doubles with each that is
    /// passed over. Some round trips, so that the usual leader is not overtaken.
    pub lead_ms: Millis,
    /// A signing session without progress for so long is over.
    pub session_timeout_ms: Millis,
    /// An attempt at key generation without progress for so long is proposed as void.
    pub ceremony_timeout_ms: Millis,
    /// An import whose members all said their first word waits so long for the importer, who
    /// carries files to a machine without a network and back.
    pub importer_timeout_ms: Millis,
    /// First pause between two attempts; doubles up to [`Pace::retry_max_ms`].
    pub retry_ms: Millis,
    /// Longest pause between two attempts.
    pub retry_max_ms: Millis,
    /// How long a set-up between two nodes is used at most, where no refresh replaces it sooner. It
    /// bounds how many extensions are made of one: the analysis has 2^32 of them, and in a week that
    /// would be 7,000 a second.
    pub pair_age_ms: Millis,
    /// First timeout of a ballot.
    pub ballot_ms: Millis,
    /// Keys whose records are sent in one answer to a node that catches up.
    pub records_per_answer: usize,
    /// From one drill of custodians to the next. What is overdue is told, and hinders nothing.
    pub drill_every_ms: Millis,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            hello_every_ms: 15_000,
            gossip_every_ms: 15_000,
            lead_ms: 300,
            session_timeout_ms: 10_000,
            ceremony_timeout_ms: 30_000,
            importer_timeout_ms: 24 * 3_600_000,
            retry_ms: 150,
            retry_max_ms: 5_000,
            pair_age_ms: 7 * 86_400_000,
            ballot_ms: 1_500,
            records_per_answer: 512,
            drill_every_ms: 100 * 86_400_000,
        }
    }
}

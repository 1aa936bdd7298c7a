//! Every limit of the charter, in one place, with its intent. Governance happens at human rate:
//! the limits keep the log from becoming a database and a decoder from working for a stranger.

/// Most nodes of a domain: as many as a certificate has signatures and a tree has parties.
pub const NODES_MAX: usize = 64;
/// Most people of a domain.
pub const PEOPLE_MAX: usize = 128;
/// Most keys that an auditor is bound to who does not read everything.
pub const READS_MAX: usize = 64;
/// Most services of a domain.
pub const SERVICES_MAX: usize = 256;
/// Most custodians of a domain: every backup has a part for each.
pub const CUSTODIANS_MAX: usize = 16;
/// Most recovery keys that a claim to a seat asks: those of two custodies.
pub const ASKS_MAX: usize = 2 * CUSTODIANS_MAX;
/// Most leaves of a recovery tree: a custodian may stand at several.
pub const RECOVERY_LEAVES_MAX: usize = 32;
/// Longest reason of a freeze or a succession, in bytes: a line.
pub const REASON_BYTES_MAX: usize = 200;
/// Longest recovery key, in bytes: more than the longest kind of `spec/backup.md` has.
pub const RECOVERY_KEY_BYTES_MAX: usize = 1_536;
/// Most keys of a domain; each is a record at every node.
pub const KEYS_MAX: usize = 16_384;
/// Most exports of a key that are open at once: every member makes a part for each.
pub const EXPORTS_OF_A_KEY_MAX: usize = 4;
/// Most exports of all keys that are open at once: nodes look at each of them all the time.
pub const EXPORTS_OPEN_MAX: usize = 64;
/// Most accounts of a key: as many secrets as one dealing has.
pub const ACCOUNTS_MAX: u16 = 1_000;
/// Bytes that each account takes in the outcome of an attempt, at most: for itself, for each
/// column of the tree (a point) and for each leaf (a proof that its share is known). So the
/// outcome stays within [`VALUE_BYTES_MAX`].
pub const ACCOUNT_BYTES: (usize, usize, usize) = (80, 40, 760);
/// Bytes that each account takes in the second message of a participant of a dealing, at most: for
/// itself, for each column and for each leaf.
pub const ACCOUNT_ROUND_BYTES: (usize, usize, usize) = (832, 40, 33);
/// Most shares that one node has of a key: they are backed up in one bundle.
pub const SHARES_OF_A_NODE_MAX: usize = 3_000;
/// Bytes of all second messages of a dealing together, at most: they fit into one piece of
/// evidence.
pub const RUN_BYTES_MAX: usize = 11 << 19;
/// Bytes that the outcome of an attempt takes besides, at most: the plan, the signatures.
pub const OUTCOME_BYTES: usize = 64 << 10;
/// Longest policy that a motion sets, in bytes: three files that people can read.
pub const POLICY_BYTES_MAX: usize = 256 << 10;
/// Most members that one motion changes: those who join or leave together.
pub const PEOPLE_CHANGES_MAX: usize = 16;
/// Most nodes that one motion changes.
pub const NODE_CHANGES_MAX: usize = 8;
/// Longest part of a declaration of a node, in bytes.
pub const DECLARED_BYTES_MAX: usize = 64;
/// Most keys of a person or service: a few tokens and a spare.
pub const AUTHENTICATORS_MAX: usize = 8;
/// Most teams of a domain.
pub const TEAMS_MAX: usize = 32;
/// Longest delay of a dangerous motion that a rule may set, in milliseconds: 90 days.
pub const DELAY_MS_MAX: u64 = 90 * 24 * 60 * 60 * 1_000;
/// Longest delay of a recovery of administrators, in milliseconds: 400 days.
pub const RECOVERY_DELAY_MS_MAX: u64 = 400 * 24 * 60 * 60 * 1_000;
/// Shortest time between an announced succession and its end in a domain that is no trial, in
/// milliseconds: a day.
pub const CESSION_DELAY_MS_MIN: u64 = 24 * 60 * 60 * 1_000;
/// After an objection a motion waits this many times as long, counted anew.
pub const OBJECTION_FACTOR: u64 = 2;
/// Most motions of one matter that are announced at once, and most recoveries: each is read again
/// at every entry, and a lax rule for one matter crowds no other out.
pub const ANNOUNCED_MAX: usize = 8;
/// Most freezes that one motion ends, and most announced successions that it refuses.
pub const THAWS_MAX: usize = 64;
/// Most signatures under a motion: as many as a rule has parties.
pub const MOTION_SIGNATURES_MAX: usize = 64;
/// Latest expiry of a motion, in milliseconds from when it is looked at: 90 days.
pub const MOTION_LIFETIME_MS_MAX: u64 = 90 * 24 * 60 * 60 * 1_000;
/// Longest motion, in bytes: a policy, or a tree over all nodes.
pub const MOTION_BYTES_MAX: usize = POLICY_BYTES_MAX + 16_384;
/// Longest value of an agreement, in bytes: an entry with all its signatures, or the outcome of
/// an attempt with the proofs of all members.
pub const VALUE_BYTES_MAX: usize = 4 << 20;
/// Longest genesis, in bytes: all enrolments, and what as many heirs ask of all custodians.
pub const GENESIS_BYTES_MAX: usize = 2 << 20;
/// Highest ballot: far beyond what time allows, and far from an overflow.
pub const BALLOT_MAX: u32 = 1 << 24;
/// After so many ballots their time stops doubling: 64 times the first.
pub const BALLOT_DOUBLINGS_MAX: u32 = 6;
/// A node that has a value and is not the proposer waits this part of a ballot's first time
/// before it offers the value to everybody; before it offers it again, twice as long each time.
pub const SUGGEST_AFTER_PART: u64 = 8;
/// Shortest and longest lease that a genesis may set, in milliseconds.
pub const LEASE_MS: std::ops::RangeInclusive<u64> = 1_000..=600_000;
/// Tightest and loosest bound between clocks that a genesis may set, in milliseconds.
pub const CLOCK_BOUND_MS: std::ops::RangeInclusive<u64> = 100..=60_000;
/// How often a key may be refreshed on schedule, in milliseconds: once a minute to once in 400
/// days.
pub const SCHEDULE_EVERY_MS: std::ops::RangeInclusive<u64> = 60_000..=400 * 24 * 60 * 60 * 1_000;
/// Presignatures of a key that a leading node keeps.
pub const PRESIGNATURES_MAX: u16 = 256;
/// The jitter of a schedule is at most this part of the time between two refreshes.
pub const SCHEDULE_JITTER_PART: u64 = 2;

//! Every domain-separation tag of Quorate, in one place. A tag names what is hashed or signed
//! and the version of its form; it is never reused for anything else (ENC-06, N-22).

/// A domain-separation tag. Only this module makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(&'static str);

impl Tag {
    /// The text that enters the hash.
    pub fn name(self) -> &'static str {
        self.0
    }
}

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Tag = Tag(concat!("quorate/", $text));)*
        /// All tags, for the test that they differ.
        pub const ALL: &[Tag] = &[$($name),*];
    };
}

tags! {
    /// Only for tests of hashing itself.
    TEST = "test/v1";

    // ---- ids: the hash of the statement that enrols
    /// Id of a node.
    NODE_ID = "node-id/v1";
    /// Id of a person.
    PERSON_ID = "person-id/v1";
    /// Id of a service.
    SERVICE_ID = "service-id/v1";
    /// Id of a key: hash of the motion that orders it.
    KEY_ID = "key-id/v1";
    /// Place of an importer in a dealing: hash of its one-time key.
    IMPORTER_ID = "importer-id/v1";
    /// Words that people compare: fingerprint of a public key or statement.
    FINGERPRINT = "fingerprint/v1";

    // ---- charter: what people and nodes sign
    /// A node's own enrolment statement.
    ENROLMENT = "enrolment/v1";
    /// A machine's wish to take the seat of a lost node.
    SEAT_CLAIM = "seat-claim/v1";
    /// The genesis of a domain; its digest is the domain's identity.
    GENESIS = "genesis/v1";
    /// A node's countersignature under a genesis.
    GENESIS_COUNTERSIGN = "genesis-countersign/v1";
    /// Custodians and recovery trees, to which backups are bound.
    CUSTODY = "custody/v1";
    /// What a person or service says of itself, signed by each of its keys.
    MEMBER = "member/v1";
    /// A motion, signed by people.
    MOTION = "motion/v1";
    /// A person's statement that stops signing.
    FREEZE = "freeze/v1";
    /// Guardians' word that their domain gives way to another one.
    CESSION = "cession/v1";
    /// An entry of the log; its digest is the head.
    ENTRY = "entry/v1";
    /// A proposal in the agreement primitive.
    PROPOSAL = "agreement/proposal/v1";
    /// A first-phase vote.
    PREVOTE = "agreement/prevote/v1";
    /// A second-phase vote.
    PRECOMMIT = "agreement/precommit/v1";
    /// A value offered to whoever proposes in the agreement primitive.
    OFFER = "agreement/offer/v1";
    /// The value that an agreement decides.
    DECISION_VALUE = "agreement/value/v1";
    /// A node's hello: incarnation, head, highest vote, nonce.
    HELLO = "hello/v1";
    /// The answer to a hello: recognition, head attestation or evidence of a lapse.
    WELCOME = "welcome/v1";
    /// A lapsed node's wish to come back.
    REJOIN = "rejoin/v1";
    /// The points and chain codes of a key that is restored from the domain before.
    RESTORED_ACCOUNTS = "restored-accounts/v1";
    /// Who deals such a key, and by which points.
    RESTORED_SUMMANDS = "restored-summands/v1";
    /// An epoch record of a key.
    EPOCH_RECORD = "epoch-record/v2";
    /// Which member plans an attempt.
    PLANNER = "planner/v1";
    /// How far a node is with all keys.
    KEY_PROGRESS = "key-progress/v1";
    /// How much earlier than its schedule says a key is refreshed.
    REFRESH_JITTER = "refresh-jitter/v1";
    /// What a node did with an epoch of a key.
    EPOCH_STATEMENT = "epoch-statement/v1";
    /// Which bundle a node gives of a key that is exported.
    EXPORT_STATEMENT = "export-statement/v1";

    // ---- requests
    /// A request, signed by its requester.
    REQUEST = "request/v1";
    /// An intent: what is to be signed.
    INTENT = "intent/v1";
    /// A person's approval or rejection.
    APPROVAL = "approval/v1";
    /// The requester's cancellation.
    CANCELLATION = "cancellation/v1";
    /// A node's decision about a request.
    DECISION = "decision/v1";
    /// A signed call to a node's interface.
    CALL = "call/v1";
    /// A node's attempt record, durable before its last message.
    ATTEMPT = "attempt/v1";
    /// Order in which nodes lead the attempts of a request.
    LEADER = "leader/v1";
    /// The policy bundle that a motion carries.
    POLICY = "policy/v1";

    // ---- contexts
    /// Context of a signing session.
    SESSION_CONTEXT = "ctx/v1";
    /// Session id: hash of all parties' contributions.
    SESSION_ID = "session-id/v1";
    /// Context of a dealing: generation, refresh, reshare, repair, import.
    DEAL_CONTEXT = "deal/ctx/v1";
    /// Context of a pair set-up.
    PAIR_CONTEXT = "pair/ctx/v1";

    // ---- sharing and dealing
    /// What all participants of a dealing agree on: context, curve, tree, source.
    DEAL_TERMS = "deal/terms/v1";
    /// Round-one commitment of a dealer.
    DEAL_COMMIT = "deal/commit/v1";
    /// Session id of a dealing, also the echo of its first round.
    DEAL_SID = "deal/sid/v1";
    /// Proof of possession of a dealer's constant term.
    DEAL_POP = "deal/pop/v1";
    /// Sealing of a sub-share: HPKE info.
    DEAL_SEAL = "deal/seal/v1";
    /// Coins of a sub-share's encryption.
    DEAL_COINS = "deal/coins/v1";
    /// Digest of the message that a complaint is about.
    DEAL_COMPLAINT = "deal/complaint/v1";
    /// Coefficients under which a judge looks at many equations as one.
    DEAL_JUDGE_WEIGHTS = "deal/judge-weights/v1";
    /// Transcript of a dealing.
    DEAL_TRANSCRIPT = "deal/transcript/v1";
    /// Proof of knowledge of a final leaf share.
    DEAL_LEAF_POK = "deal/leaf-pok/v1";
    /// Coefficients under which one proof covers the shares of many keys.
    DEAL_LEAF_WEIGHTS = "deal/leaf-weights/v1";
    /// The hash that decides which challenges of a proof of knowledge count.
    PROOF_TRIAL = "proof/trial/v1";
    /// A signed message of a dealing's round.
    DEAL_MESSAGE = "deal/message/v1";
    /// Names a piece of evidence.
    EVIDENCE = "evidence/v1";
    /// The statement PREPARED.
    PREPARED = "deal/prepared/v1";
    /// Chain code of a key.
    CHAIN_CODE = "chaincode/v1";
    /// One step of the additive derivation of Ed25519 keys.
    DERIVE_ED25519 = "derive/ed25519/v1";

    // ---- backup
    /// Names a recovery key.
    RECOVERY_KEY = "backup/recovery-key/v1";
    /// The public keys of all accounts of a key, as backups name them.
    BACKUP_PUBLICS = "backup/publics/v1";
    /// The tree of a key, as backups name it.
    BACKUP_TREE = "backup/tree/v1";
    /// A whole bundle, as records name it.
    BACKUP_BUNDLE = "backup/bundle/v1";
    /// What a backup is of, with the parameters of its proof.
    BACKUP_STATEMENT = "backup/statement/v1";
    /// Root of the seeds of a proof.
    BACKUP_ROOT = "backup/root/v1";
    /// A seed from the one above it.
    BACKUP_SEED = "backup/seed/v1";
    /// Key of a row, from its seed.
    BACKUP_ROW_KEY = "backup/row-key/v1";
    /// Everything else of a row, from its key.
    BACKUP_ROW_COINS = "backup/row-coins/v1";
    /// Where a custodian's share of the key of a row belongs.
    BACKUP_LEAF = "backup/leaf/v1";
    /// What a custodian's share is combined with.
    BACKUP_PAD = "backup/pad/v1";
    /// What a prover commits to of a row.
    BACKUP_ROW = "backup/row/v1";
    /// The statement and all rows: the challenge of a proof.
    BACKUP_CHALLENGE = "backup/challenge/v1";
    /// The numbers by which rows are chosen that stay closed.
    BACKUP_CLOSED = "backup/closed/v1";
    /// What is sent to a custodian's key for it to show that it is held, from a node's coins.
    POSSESSION_COINS = "backup/possession-coins/v1";
    /// What only the holder of a recovery key answers to a challenge.
    POSSESSION = "backup/possession/v1";
    /// What only a custodian and the machine that asks for its part have.
    HANDING_BOND = "backup/handing-bond/v1";
    /// Coins of what is sent to a machine with a custodian's part.
    HANDING_COINS = "backup/handing-coins/v1";
    /// The key under which a custodian's part is handed over.
    HANDING_KEY = "backup/handing-key/v1";

    // ---- a custodian's key
    /// Seed of a recovery key, from its secret scalar.
    RECOVERY_SEED = "recovery/seed/v1";
    /// Associated data of a sealed key file.
    RECOVERY_FILE = "recovery/file/v1";
    /// Checksum of a key file.
    RECOVERY_CHECK = "recovery/check/v1";
    /// Check words of a page with a share.
    RECOVERY_PAGE = "recovery/page/v1";
    /// Running hash of a backup file.
    RECOVERY_BACKUP = "recovery/backup/v1";
    /// For which seat, entry and custodian a part is sealed.
    RECOVERY_SEAT_PART = "recovery/seat-part/v1";
    /// For which node of which successor, and from which custodian something is sealed.
    RECOVERY_ESTATE_PART = "recovery/estate-part/v1";
    /// Names a drill: in the place of a node where its keys are asked.
    RECOVERY_DRILL = "recovery/drill/v1";
    /// For which drill, of which custodian and when a part is sealed.
    RECOVERY_DRILL_PART = "recovery/drill-part/v1";

    // ---- signing
    /// The selected leaves and coefficients of a quorum.
    QUORUM = "quorum/v1";
    /// Hedged randomness of nonces.
    NONCE_HEDGE = "nonce-hedge/v1";
    /// The fixed message of a key's birth signature.
    BIRTH = "birth/v1";
    /// What a signing session of the engine is bound to.
    ENGINE_SESSION = "engine/session/v1";
    /// Run id of the Schnorr engine.
    SCHNORR_SESSION = "schnorr/session/v1";
    /// Weights of the signatures of a session, verified as one.
    SCHNORR_BATCH = "schnorr/batch/v1";
    /// Session id of the ECDSA engine.
    ECDSA_SESSION = "ecdsa/session/v2";
    /// Session id of the ECDSA engine where it makes presignatures.
    ECDSA_AHEAD = "ecdsa/ahead/v1";
    /// Names a message of the ECDSA engine.
    ECDSA_ROUND = "ecdsa/round/v1";
    /// Commitment to a nonce point.
    ECDSA_COMMITMENT = "ecdsa/commitment/v1";
    /// Commitment to the bytes with which a decision moves a nonce point.
    ECDSA_OPENING = "ecdsa/opening/v1";
    /// Name of a presignature.
    ECDSA_PRESIGNATURE = "ecdsa/presignature/v1";
    /// What presignatures are used for, by whom, with everybody's opened bytes.
    ECDSA_DECIDED = "ecdsa/decided/v1";
    /// By how much a nonce point is moved.
    ECDSA_MOVE = "ecdsa/move/v1";
    /// All commitments of a session.
    ECDSA_COMMITMENTS = "ecdsa/commitments/v1";
    /// Hedged randomness of a round.
    ECDSA_HEDGE = "ecdsa/hedge/v1";

    // ---- what two nodes do together
    /// Names a set-up: its context and both nodes.
    PAIR_SETUP = "pair/setup/v2";
    /// Hedged randomness of a set-up.
    PAIR_HEDGE = "pair/hedge/v1";
    /// Commitment to a nonce of a set-up.
    PAIR_COMMITMENT = "pair/commitment/v1";
    /// The map to ristretto255 of the base transfers.
    PAIR_BASE_MAP = "pair/base-map/v1";
    /// A key that comes out of a base transfer.
    PAIR_BASE_KEY = "pair/base-key/v1";
    /// The trees of one builder in a set-up.
    PAIR_DIRECTION = "pair/direction/v1";
    /// The checked strings of all trees.
    PAIR_TREES = "pair/trees/v1";
    /// Names an extension.
    PAIR_EXTENSION = "pair/extension/v1";
    /// Keys of the check of an extension.
    PAIR_CHECK = "pair/check/v1";
    /// The hashes of all strings of an extension.
    PAIR_STRINGS = "pair/strings/v1";
    /// The whole message of an extension.
    PAIR_EXTENDED = "pair/extended/v1";
    /// Key of the pads of an extension.
    PAIR_PADS = "pair/pads/v1";
    /// Scalars of the gadget of a curve.
    PAIR_GADGET = "pair/gadget/v1";
    /// All corrections of products.
    PAIR_CHALLENGE = "pair/challenge/v1";
    /// A challenge for one input of one product.
    PAIR_WEIGHT = "pair/weight/v1";
    /// The rows of a product that both compute.
    PAIR_ROWS = "pair/rows/v1";
    /// A key of the direction that is derived from the other.
    PAIR_REVERSED_KEY = "pair/reversed-key/v1";
    /// All messages of a set-up so far.
    PAIR_SAID = "pair/said/v1";
    /// The last word of each node in a set-up.
    PAIR_CONFIRMED = "pair/confirmed/v1";
    /// Seed of a pair for shares of zero.
    PAIR_ZERO_SEED = "pair/zero-seed/v1";
    /// A share of zero between two nodes.
    PAIR_SHARE_OF_ZERO = "pair/share-of-zero/v1";

    // ---- releases
    /// The manifest of a release, signed by those who release.
    RELEASE = "release/v1";
    /// Names a list of those who release, and their rule.
    RELEASE_SIGNERS = "release-signers/v1";

    // ---- store
    /// Key-encryption key from a passphrase.
    STORE_KEK = "store/kek/v1";
    /// Checksum of the header.
    STORE_HEADER = "store/header/v1";
    /// Associated data of a data key that something else than a passphrase wraps.
    STORE_KEK_2 = "store/kek/v2";
    /// Checksum of the header that names what.
    STORE_HEADER_2 = "store/header/v2";
    /// What a token is asked for the key of a store.
    STORE_TOKEN = "store/token/v1";
    /// Associated data of a sealed record.
    STORE_RECORD = "store/record/v1";
    /// The sum over all sealed records.
    STORE_STATE = "store/state/v1";
    /// Associated data of a slot with the key of an erasable row.
    STORE_SLOT = "store/slot/v1";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neg_022_no_two_purposes_share_a_tag() {
        let distinct: std::collections::BTreeSet<_> = ALL.iter().map(|tag| tag.name()).collect();
        assert_eq!(distinct.len(), ALL.len());
    }
}

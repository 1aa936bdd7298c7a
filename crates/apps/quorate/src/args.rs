//! The command line.

pub mod backup;
pub mod custody;
pub mod drill;
pub mod export;
pub mod import;
pub mod lifecycle;
pub mod membership;
pub mod people;
pub mod release;
pub mod seal;
pub mod seat;
pub mod succession;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Threshold signing that a quorum of independent nodes decides: no root, no single machine,
/// no person with a bypass. Test funds only: no external audit yet.
#[derive(Debug, Parser)]
#[command(
    name = "quorate",
    version = crate::edition().version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Print JSON: one object, or one a line.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say what would be signed, sent or written, and do nothing of it; of a motion what it would do
    /// and who would have to sign it.
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell the whole story in under a minute: found, make keys, sign, refuse, survive.
    Demo(Demo),
    /// Found a domain on this machine (or continue one) and leave it running.
    Up(Up),
    /// The founding ceremony: one file that everybody signs.
    #[command(subcommand)]
    Genesis(Genesis),
    /// A node on this machine.
    #[command(subcommand)]
    Node(NodeVerb),
    /// Another machine for a node that was lost.
    #[command(subcommand)]
    Seat(seat::Seat),
    /// A new domain for one whose nodes are lost: the same keys and addresses, in other hands.
    #[command(subcommand)]
    Succession(succession::Succession),
    /// Who is alive, which keys can sign, and what is missing.
    Status(Reader),
    /// How the domain stands against what its design expects, graded; each finding with its reason
    /// and what to do.
    Posture(Posture),
    /// Keys that exist only as shares.
    #[command(subcommand)]
    Key(Key),
    /// Backups that everybody can verify.
    #[command(subcommand)]
    Backup(backup::Backup),
    /// Who restores what is lost, and whether they can.
    #[command(subcommand)]
    Custodian(custody::Custodian),
    /// Custodians practise restoring, without touching a share.
    #[command(subcommand)]
    Drill(drill::Drill),
    /// What is under way for keys: generation, refresh, reshare.
    #[command(subcommand)]
    Ceremony(lifecycle::Ceremony),
    /// What may be signed.
    #[command(subcommand)]
    Policy(PolicyVerb),
    /// The governance log.
    #[command(subcommand)]
    Charter(Charter),
    /// People of the domain: who they are, and what they may do.
    #[command(subcommand)]
    Person(people::Person),
    /// Programs that file requests.
    #[command(subcommand)]
    Service(people::Service),
    /// Who authorises what, how slowly, and who brings administrators back.
    #[command(subcommand)]
    Rule(people::Rule),
    /// Stop signing with a key, or with all, at once: nobody has to agree.
    Freeze(people::Freeze),
    /// File the motion that ends freezes.
    Thaw(people::Thaw),
    /// Guardians bring administrators back where too few are left: slowly, and seen by everybody.
    RecoverAdministrators(Box<people::Recover>),
    /// Ask for signatures, and approve or reject what others ask for.
    #[command(subcommand)]
    Request(RequestVerb),
    /// Proof of what was signed, under which decisions.
    #[command(subcommand)]
    Receipt(Receipt),
    /// Proof that a node deviated.
    #[command(subcommand)]
    Evidence(lifecycle::Evidence),
    /// What a version of these programs consists of, signed by those who release it.
    #[command(subcommand)]
    Release(release::Release),
    /// Verify a release, files of it, and that it may be installed. Needs no node and no network.
    VerifyRelease(Box<release::Verify>),
    /// Measure signatures end to end on this machine.
    Bench(Bench),
}

/// Which domain, and who reads.
#[derive(Debug, Clone, Args)]
pub struct Reader {
    /// The domain directory.
    #[arg(long, default_value = "quorate-domain")]
    pub dir: PathBuf,
    /// Who asks: a name under people/ or services/. Without it the domain's auditor reads.
    #[arg(long = "as", value_name = "NAME")]
    pub who: Option<String>,
    /// Ask this node. Without it: the first that answers.
    #[arg(long, value_name = "NODE")]
    pub node: Option<String>,
    /// File with the passphrase of the signing key, where it has one.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// A file that is verified without any node or network.
#[derive(Debug, Clone, Args)]
pub struct Offline {
    /// The file.
    pub file: PathBuf,
    /// The genesis hash to hold it against.
    #[arg(long, value_name = "HASH")]
    pub genesis: Option<String>,
    /// Accepted as everywhere, not needed: no domain is looked at.
    #[arg(long, hide = true)]
    pub dir: Option<PathBuf>,
}

/// A head that an auditor knows the charter to have had.
#[derive(Debug, Clone, Args)]
pub struct Pinned {
    /// A head that the charter must have gone through, as nodes of different operators show it. Whoever
    /// had the keys of voters before it could write a charter that holds and is not the domain's.
    #[arg(long, value_name = "HASH")]
    pub head: Option<String>,
}

/// Which domain, and who signs.
#[derive(Debug, Clone, Args)]
pub struct Signer {
    /// The domain directory.
    #[arg(long, default_value = "quorate-domain")]
    pub dir: PathBuf,
    /// Who signs: a name under people/ or services/.
    #[arg(long = "as", value_name = "NAME")]
    pub who: String,
    /// Talk to this node. Without it: the first that answers.
    #[arg(long, value_name = "NODE")]
    pub node: Option<String>,
    /// File with the passphrase of the signing key, where it has one.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Options of `posture`.
#[derive(Debug, Args)]
pub struct Posture {
    /// Fail with exit code 3 where the domain stands worse than this: A, B, C or D.
    #[arg(long, value_name = "GRADE")]
    pub require: Option<String>,
    #[command(flatten)]
    pub reader: Reader,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Where to put the domain. Without it: a temporary directory.
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Keep the directory.
    #[arg(long)]
    pub keep: bool,
}

/// Options of `up`.
#[derive(Debug, Args)]
pub struct Up {
    /// The domain directory; made where it does not exist, continued where it does.
    #[arg(long, default_value = "quorate-domain")]
    pub dir: PathBuf,
    /// How many signers to found with (a witness comes on top).
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=16))]
    pub signers: u8,
    /// End when the standard input ends: for programs that run domains as their children.
    #[arg(long, hide = true)]
    pub supervised: bool,
}

/// `genesis ...`
#[derive(Debug, Subcommand)]
pub enum Genesis {
    /// Write the genesis of a new domain from enrolments and people's public keys.
    Create(Box<CreateGenesis>),
    /// Sign the genesis as an administrator, or countersign it as a node of this machine.
    Sign {
        /// The ceremony file.
        file: PathBuf,
        /// The administrator's name in the genesis.
        #[arg(long = "as", value_name = "NAME", requires = "key")]
        who: Option<String>,
        /// The administrator's OpenSSH private key, or its public key with `--agent`.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Sign with ssh-agent (SSH_AUTH_SOCK names its socket).
        #[arg(long)]
        agent: bool,
        /// Countersign as the node of this directory instead.
        #[arg(long, value_name = "DIR", conflicts_with_all = ["who", "key", "agent"])]
        node_dir: Option<PathBuf>,
        /// File with the passphrase of the key or of the node's store.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        device: seal::Device,
        /// The genesis hash you compared with the others. Without it you are asked.
        #[arg(long, value_name = "HASH")]
        genesis: Option<String>,
        /// The backup of the domain that this one succeeds: a node verifies it before it signs.
        #[arg(long, value_name = "FILE", requires = "node_dir")]
        backup: Option<PathBuf>,
    },
    /// Show what a genesis says, its hash, and who has signed.
    Show {
        /// The ceremony file.
        file: PathBuf,
    },
    /// The ceremony as auditors keep it: who founds what, who signed, and whether all of it holds.
    Transcript {
        /// The ceremony file.
        file: PathBuf,
        /// The file to write. Without it: to the standard output.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Take over the signatures of another copy of the same genesis.
    Merge {
        /// The ceremony file that gains the signatures.
        file: PathBuf,
        /// A copy that others signed. Repeat.
        #[arg(long = "from", value_name = "FILE", required = true)]
        copies: Vec<PathBuf>,
    },
    /// Make a domain directory for a person or service on this machine.
    Join {
        /// The genesis file, signed by everybody.
        file: PathBuf,
        /// The genesis hash, compared with the administrators.
        #[arg(long, value_name = "HASH")]
        genesis: String,
        /// The domain directory to make.
        #[arg(long)]
        dir: PathBuf,
        /// `NAME=ADDRESS` of a node's interface for people and services. Repeat.
        #[arg(long = "api", value_name = "NAME=ADDRESS", required = true)]
        apis: Vec<String>,
    },
}

/// What a genesis is made from.
#[derive(Debug, Args)]
pub struct CreateGenesis {
    /// Name of the domain.
    #[arg(long)]
    pub domain: String,
    /// A node's enrolment file, as `node init` wrote it. Repeat.
    #[arg(long = "node", value_name = "FILE", required = true)]
    pub nodes: Vec<PathBuf>,
    /// `NAME=FILE`, an administrator's OpenSSH public key. Repeat.
    #[arg(long = "administrator", value_name = "NAME=FILE", required = true)]
    pub administrators: Vec<String>,
    /// `NAME=FILE`, an approver's OpenSSH public key. Repeat.
    #[arg(long = "approver", value_name = "NAME=FILE")]
    pub approvers: Vec<String>,
    /// `NAME=FILE`, an auditor's OpenSSH public key. Repeat.
    #[arg(long = "auditor", value_name = "NAME=FILE")]
    pub auditors: Vec<String>,
    /// `NAME=FILE`, the OpenSSH public key of somebody who runs nodes. Repeat.
    #[arg(long = "operator", value_name = "NAME=FILE")]
    pub operators: Vec<String>,
    /// `NAME=FILE`, the OpenSSH public key of somebody who brings administrators back. Repeat.
    #[arg(long = "guardian", value_name = "NAME=FILE")]
    pub guardians: Vec<String>,
    /// Somebody who is more than one of administrator, approver, auditor, operator, guardian and
    /// custodian: shown for ever. Repeat.
    #[arg(long = "except", value_name = "NAME")]
    pub excepted: Vec<String>,
    /// The custodians.
    #[command(flatten)]
    pub custody: custody::Custody,
    /// `NAME=FILE`, a service's OpenSSH public key (ssh-ed25519). Repeat.
    #[arg(long = "service", value_name = "NAME=FILE")]
    pub services: Vec<String>,
    /// Who authorises what.
    #[command(flatten)]
    pub rules: people::Rules,
    /// How many lying nodes the domain tolerates: n must be at least 3f + 1. Without it: as
    /// many as the number of nodes allows.
    #[arg(long)]
    pub faults: Option<u8>,
    /// The domain that it succeeds, if it does.
    #[command(flatten)]
    pub succeeds: succession::Succeeds,
    /// Mark the domain as staging, for ever.
    #[arg(long)]
    pub staging: bool,
    /// The ceremony file to write.
    #[arg(long, short)]
    pub output: PathBuf,
}

/// `node ...`
#[derive(Debug, Subcommand)]
pub enum NodeVerb {
    /// Make a node's identity and sealed store on this machine, and its enrolment.
    Init {
        /// The node's name.
        name: String,
        /// The domain directory on this machine.
        #[arg(long)]
        dir: PathBuf,
        /// Let it vote but hold no shares.
        #[arg(long)]
        witness: bool,
        /// Where other nodes reach it.
        #[arg(long, default_value = "127.0.0.1:0")]
        peer: String,
        /// Where people and services reach it.
        #[arg(long, default_value = "127.0.0.1:0")]
        api: String,
        #[command(flatten)]
        sealing: seal::Sealing,
        #[command(flatten)]
        opening: seal::Opening,
    },
    /// Run a node of a domain directory until SIGTERM.
    Run {
        /// The node's name.
        name: String,
        /// The domain directory.
        #[arg(long)]
        dir: PathBuf,
        /// The genesis file, the first time; later the stored one counts.
        #[arg(long, value_name = "FILE")]
        genesis_file: Option<PathBuf>,
        /// The genesis hash, compared with the administrators, the first time.
        #[arg(long, value_name = "HASH")]
        genesis: Option<String>,
        #[command(flatten)]
        admitted: membership::Admitted,
        /// `NAME=ADDRESS` of another node. Repeat; kept for later.
        #[arg(long = "at", value_name = "NAME=ADDRESS")]
        addresses: Vec<String>,
        #[command(flatten)]
        opening: seal::Opening,
        /// Log every durable write too, by the names of its tables: for finding out where a node
        /// stopped.
        #[arg(long)]
        verbose: bool,
        /// End when the standard input ends: for processes that run nodes as their children.
        #[arg(long, hide = true)]
        supervised: bool,
    },
    /// End a node's quarantine of a peer, once its operator knows why a check between them failed.
    Release {
        /// The node's name.
        name: String,
        /// The peer's name.
        #[arg(long)]
        peer: String,
        /// The domain directory.
        #[arg(long)]
        dir: PathBuf,
        #[command(flatten)]
        opening: seal::Opening,
    },
    /// Bring a lapsed node (restored from an old copy) back at the next position decided
    /// without it.
    Rejoin {
        /// The node's name.
        name: String,
        /// The domain directory.
        #[arg(long)]
        dir: PathBuf,
        #[command(flatten)]
        opening: seal::Opening,
    },
    /// Seal a stopped node's store by something else: a new passphrase, or what is there when the
    /// machine starts.
    Reseal {
        /// The node's name.
        name: String,
        /// The domain directory.
        #[arg(long)]
        dir: PathBuf,
        #[command(flatten)]
        resealing: Box<seal::Resealing>,
        #[command(flatten)]
        opening: seal::Opening,
    },
    #[command(flatten)]
    Membership(membership::Membership),
}

/// `key ...`
#[derive(Debug, Subcommand)]
pub enum Key {
    /// File the motion that orders a key.
    Create {
        /// The key's name.
        name: String,
        /// ecdsa-secp256k1, bip340, ed25519 or ecdsa-p256.
        #[arg(long)]
        scheme: String,
        /// Which nodes can sign, as a tree: `2 of (node-1, node-2, node-3)`.
        #[arg(long, value_name = "TREE")]
        access: String,
        /// How many of its nodes may be lost without losing the key. Without it: as many as the
        /// tree bears. A smaller number lets a refresh go on while nodes are absent.
        #[arg(long)]
        faults: Option<u8>,
        /// How many accounts the key has: secrets of their own under one name, held, renewed and
        /// ended together. Who learns the secret of one learns nothing about the others.
        #[arg(long, value_name = "ACCOUNTS", default_value_t = 1)]
        count: u16,
        #[command(flatten)]
        signer: Signer,
    },
    /// Bring a key that exists already; then new shares are made without whoever brought it.
    #[command(subcommand)]
    Import(import::Import),
    /// Restore a key of the domain that this one succeeds, with the same public key.
    Restore(succession::Restore),
    #[command(flatten)]
    Lifecycle(lifecycle::Lifecycle),
    /// All keys.
    List(Reader),
    /// One key.
    Show {
        /// The key's name.
        name: String,
        #[command(flatten)]
        reader: Reader,
    },
    /// That an epoch of a key was handed on: a certificate that anybody verifies offline.
    #[command(subcommand)]
    Handover(lifecycle::Handover),
    /// The accounts of a key with their public keys, verified on this machine.
    Accounts {
        /// The key's name.
        name: String,
        #[command(flatten)]
        reader: Reader,
    },
    /// An address of the key.
    Address {
        /// The key's name.
        name: String,
        /// ethereum or bitcoin.
        #[arg(long)]
        chain: String,
        /// mainnet, testnet, signet or regtest.
        #[arg(long)]
        network: Option<String>,
        /// p2wpkh, p2sh-p2wpkh, p2pkh or p2tr.
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// Which account of the key.
        #[arg(long, default_value_t = 0)]
        account: u16,
        /// Which child of the account: `m/0/5`. Without it: the account itself.
        #[arg(long, default_value = "m")]
        path: String,
        #[command(flatten)]
        reader: Reader,
    },
    /// A child of the key, computed on this machine from the certified record.
    Derive {
        /// The key's name.
        name: String,
        /// Which account of the key.
        #[arg(long, default_value_t = 0)]
        account: u16,
        /// Which child: `m/0/5`, without hardened steps.
        #[arg(long)]
        path: String,
        /// Its address, too: ethereum or bitcoin.
        #[arg(long)]
        chain: Option<String>,
        /// mainnet, testnet, signet or regtest.
        #[arg(long, requires = "chain")]
        network: Option<String>,
        /// p2wpkh, p2sh-p2wpkh, p2pkh or p2tr.
        #[arg(long = "type", value_name = "TYPE", requires = "chain")]
        kind: Option<String>,
        #[command(flatten)]
        reader: Reader,
    },
    /// Give the WHOLE key to somebody, for ever: ordered by motion, collected from the nodes, opened with
    /// `quorate-recovery`. For the public key see `key xpub`.
    #[command(subcommand)]
    Export(export::Export),
    /// The key as wallets read it, to watch its addresses: extended public key and descriptors.
    Xpub {
        /// The key's name.
        name: String,
        /// Which account of the key.
        #[arg(long, default_value_t = 0)]
        account: u16,
        /// mainnet, testnet, signet or regtest.
        #[arg(long)]
        network: String,
        #[command(flatten)]
        reader: Reader,
    },
}

/// `policy ...`
#[derive(Debug, Subcommand)]
pub enum PolicyVerb {
    /// The policy in force, or one that is proposed.
    Show {
        /// The policy that this motion would set, by the motion's id.
        #[arg(long, value_name = "ID")]
        motion: Option<String>,
        /// Write its four files to this new directory, to read and compare them.
        #[arg(long, short, value_name = "DIRECTORY")]
        output: Option<PathBuf>,
        #[command(flatten)]
        reader: Reader,
    },
    /// Run a policy directory's own test table. Needs no node.
    Test {
        /// The directory with policy.cedar, limits.json, lists.json, cases.json.
        directory: PathBuf,
        /// Accepted as everywhere, not needed: no domain is looked at.
        #[arg(long, hide = true)]
        dir: Option<PathBuf>,
    },
    /// File the motion that sets a policy; its own table must pass first.
    Propose {
        /// The directory with policy.cedar, limits.json, lists.json, cases.json.
        directory: PathBuf,
        #[command(flatten)]
        signer: Signer,
    },
}

/// `charter ...`
#[derive(Debug, Subcommand)]
pub enum Charter {
    /// All entries and the motions that collect signatures.
    Log {
        /// Write the log to this file instead, to verify it elsewhere.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        reader: Reader,
    },
    /// One motion: what it would do, who signed, who is still needed.
    Show {
        /// The motion's id.
        motion: String,
        #[command(flatten)]
        reader: Reader,
    },
    /// Sign a motion.
    Sign {
        /// The motion's id.
        motion: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Object to an announced motion: it waits longer, and then needs those who override you.
    Object {
        /// The motion's id.
        motion: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion that overrides an objection.
    Override {
        /// The id of the motion that was objected to.
        motion: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion that withdraws an announced one.
    Withdraw {
        /// The motion's id.
        motion: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Where the log stands, what is announced, and what waits for whom.
    Status(Reader),
    /// What changed between two positions, in words.
    Diff {
        /// After this position.
        #[arg(long, value_name = "POSITION", default_value_t = 0)]
        from: u64,
        /// Up to this one. Without it: the head.
        #[arg(long, value_name = "POSITION")]
        to: Option<u64>,
        #[command(flatten)]
        reader: Reader,
    },
    /// File a motion that a dry run wrote.
    Propose {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        signer: Signer,
    },
    /// Replay the whole log from genesis. Needs no trust in any node.
    Verify {
        /// The genesis hash to hold it against.
        #[arg(long, value_name = "HASH")]
        genesis: Option<String>,
        /// A log file that `charter log --output` wrote. Without it: from a node.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The domain directory, to fetch the log from a node.
        #[arg(long)]
        dir: Option<PathBuf>,
        #[command(flatten)]
        pinned: Pinned,
    },
}

/// `request ...`
#[derive(Debug, Subcommand)]
pub enum RequestVerb {
    /// File a request.
    Create {
        /// The key to sign with.
        #[arg(long)]
        key: String,
        /// Which account of the key signs.
        #[arg(long, default_value_t = 0)]
        account: u16,
        /// Which child of the account signs: `m/0/5`, without hardened steps. Without it: the
        /// account itself.
        #[arg(long, default_value = "m")]
        path: String,
        /// File with the intent as JSON, or `-`.
        #[arg(long, value_name = "FILE")]
        intent: String,
        /// Seconds until the request expires.
        #[arg(long, default_value_t = 86_400)]
        expires: u64,
        /// The same key and content mean the same request.
        #[arg(long, value_name = "K")]
        idempotency_key: Option<String>,
        #[command(flatten)]
        signer: Signer,
    },
    /// All requests.
    List(Reader),
    /// One request.
    Show {
        /// The request's id.
        request: String,
        #[command(flatten)]
        reader: Reader,
    },
    /// Approve: the bytes are decoded here, on your machine.
    Approve {
        /// The request's id.
        request: String,
        /// The request digest you expect; needed without a terminal.
        #[arg(long, value_name = "DIGEST")]
        digest: Option<String>,
        #[command(flatten)]
        signer: Signer,
    },
    /// Reject, for good.
    Reject {
        /// The request's id.
        request: String,
        /// The request digest you expect; needed without a terminal.
        #[arg(long, value_name = "DIGEST")]
        digest: Option<String>,
        #[command(flatten)]
        signer: Signer,
    },
    /// Wait for the end of a request.
    Wait {
        /// The request's id.
        request: String,
        /// Seconds to wait.
        #[arg(long, default_value_t = 60)]
        timeout: u64,
        #[command(flatten)]
        reader: Reader,
    },
    /// Cancel your own request.
    Cancel {
        /// The request's id.
        request: String,
        #[command(flatten)]
        signer: Signer,
    },
}

/// `receipt ...`
#[derive(Debug, Subcommand)]
pub enum Receipt {
    /// Fetch the receipt of a signed request.
    Get {
        /// The request's id.
        request: String,
        /// The file to write.
        #[arg(long, short)]
        output: PathBuf,
        #[command(flatten)]
        reader: Reader,
    },
    /// Verify a receipt. Needs no node and no network.
    Verify {
        #[command(flatten)]
        offline: Offline,
        #[command(flatten)]
        pinned: Pinned,
    },
}

/// Options of `bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// ecdsa-secp256k1, bip340, ed25519 or ecdsa-p256.
    #[arg(long, default_value = "ecdsa-secp256k1")]
    pub scheme: String,
    /// Signatures to measure.
    #[arg(long, default_value_t = 100)]
    pub count: u32,
    /// Requests under way at once.
    #[arg(long, default_value_t = 1)]
    pub parallel: u32,
    /// Signers of the domain.
    #[arg(long, default_value_t = 3)]
    pub signers: u8,
    /// Threshold of the key.
    #[arg(long, default_value_t = 2)]
    pub threshold: u8,
    /// Measure refreshes of a key with so many accounts instead of signatures.
    #[arg(long, value_name = "ACCOUNTS", conflicts_with = "parallel")]
    pub refresh: Option<u16>,
    /// Found the domain below this directory, on the disk to measure. Without it: where
    /// temporary files go.
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Measure with presignatures: so many at most of each node that leads signatures.
    #[arg(long, value_name = "MOST", conflicts_with = "refresh")]
    pub presign: Option<u16>,
    /// Round trip between nodes in milliseconds, through a delaying proxy in each node.
    #[arg(long, default_value_t = 0)]
    pub rtt_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    /// A verb whose arguments contradict each other would panic when somebody first types it.
    #[test]
    fn every_verb_can_be_typed() {
        Cli::command().debug_assert();
    }
}

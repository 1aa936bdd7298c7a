//! People, services, rules, and what is announced.

use super::{Reader, Signer};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `person ...`
#[derive(Debug, Subcommand)]
pub enum Person {
    /// Say who you are: your name and your keys, each of which signs. Needs no node; nobody is
    /// enrolled by it.
    Enrol(Enrol),
    /// Show what an enrolment says, and its words.
    Inspect {
        /// The enrolment file.
        file: PathBuf,
    },
    /// File the motion that lets people in, once you compared the words of their enrolments.
    Admit {
        /// The enrolment files of those who come in together.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        what: May,
        #[command(flatten)]
        with: With,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion by which a person leaves for ever.
    Revoke {
        /// The person's name.
        name: String,
        #[command(flatten)]
        with: With,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion that gives a person other keys: those of a new enrolment, and no others.
    Rotate {
        /// The enrolment file.
        file: PathBuf,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion that sets what a person may do.
    Roles {
        /// The person's name.
        name: String,
        #[command(flatten)]
        what: May,
        #[command(flatten)]
        with: With,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion that makes some people a team: people who work, live or fall together. A
    /// team decides nothing; motions by which it would decide alone say so.
    Team {
        /// The team's name.
        name: String,
        /// Who is in it. Repeat; nobody ends the team.
        #[arg(long = "member", value_name = "NAME")]
        members: Vec<String>,
        #[command(flatten)]
        signer: Signer,
    },
    /// All people, their roles and keys, verified on this machine.
    List(Reader),
}

/// `service ...`
#[derive(Debug, Subcommand)]
pub enum Service {
    /// Say which program this is: its name and its keys, each of which signs. Needs no node.
    Enrol(Enrol),
    /// File the motion that lets a service in: it may file requests.
    Admit {
        /// The enrolment file.
        file: PathBuf,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion by which a service leaves for ever.
    Revoke {
        /// The service's name.
        name: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion that gives a service other keys: those of a new enrolment, and no others.
    Rotate {
        /// The enrolment file.
        file: PathBuf,
        #[command(flatten)]
        signer: Signer,
    },
    /// All services and their keys, verified on this machine.
    List(Reader),
}

/// What somebody says of themselves.
#[derive(Debug, Clone, Args)]
pub struct Enrol {
    /// The name to have in the domain.
    pub name: String,
    /// The genesis hash, compared with the administrators.
    #[arg(long, value_name = "HASH")]
    pub genesis: String,
    /// An OpenSSH private key, or a public one (`KEY.pub`) whose other half ssh-agent holds.
    /// Repeat: any of them will speak for you.
    #[arg(long = "key", value_name = "FILE", required = true)]
    pub keys: Vec<PathBuf>,
    /// File with the passphrase of the keys, where they have one.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// The enrolment file to write.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

/// What people may do.
#[derive(Debug, Args)]
pub struct May {
    /// administrator, approver, auditor, operator or guardian. Repeat: all of them.
    #[arg(long = "role", value_name = "ROLE", required = true)]
    pub roles: Vec<String>,
    /// A key about which an auditor reads, and about no other: its requests, receipts and
    /// addresses. Repeat. Without it an auditor reads everything.
    #[arg(long = "reads", value_name = "KEY")]
    pub reads: Vec<String>,
}

/// What changes together with a person.
#[derive(Debug, Clone, Args)]
pub struct With {
    /// Who will be more than one of administrator, approver, auditor, operator, guardian and
    /// custodian, and was not before. Repeat.
    #[arg(long = "except", value_name = "NAME")]
    pub excepted: Vec<String>,
    /// The rules from then on.
    #[command(flatten)]
    pub rules: Rules,
}

/// `rule ...`
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "one is made a process")]
pub enum Rule {
    /// Who authorises what, verified on this machine.
    Show(Reader),
    /// File the motion that sets the rules: what is not named stays.
    Set {
        #[command(flatten)]
        rules: Rules,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion that sets times which hold for all nodes: what is not named stays.
    Times {
        /// For how long a node signs on what a quorum told it of the newest charter: 1s to 10m.
        /// Within so long a revocation binds everybody.
        #[arg(long, value_name = "TIME")]
        lease: Option<String>,
        /// How far the clocks of nodes may differ: 1s to 1m.
        #[arg(long, value_name = "TIME")]
        clock_bound: Option<String>,
        #[command(flatten)]
        signer: Signer,
    },
}

/// Rules as they are typed: what is not named stays, or is not there.
#[derive(Debug, Clone, Default, Args)]
pub struct Rules {
    /// Which administrators authorise motions, as a tree: `2 of (ada, ben, cleo)`.
    #[arg(long, value_name = "TREE")]
    pub rule: Option<String>,
    /// Which administrators together may order refreshes, as a tree. Without it: any of them.
    #[arg(long, value_name = "TREE")]
    pub upkeep: Option<String>,
    /// How long what is dangerous is announced before it takes effect: `24h`. Without it a new
    /// domain announces a day before, and a staging domain not at all.
    #[arg(long, value_name = "TIME")]
    pub delay: Option<String>,
    /// Which administrators override an objection, as a tree. Without it: one more than authorise,
    /// of all of them, where there are enough; else who authorises.
    #[arg(long = "override", value_name = "TREE")]
    pub overriding: Option<String>,
    /// `MATTER=TREE`: a rule of its own for keys, policy, people, services, nodes, custody, rules,
    /// settings or freezes. Repeat.
    #[arg(long = "rule-for", value_name = "MATTER=TREE")]
    pub special: Vec<String>,
    /// `MATTER=TIME`: a delay of its own for a matter with a rule of its own. Repeat.
    #[arg(long = "delay-for", value_name = "MATTER=TIME")]
    pub special_delays: Vec<String>,
    /// `MATTER=TREE`: who overrides an objection in a matter with a rule of its own. Repeat.
    #[arg(long = "override-for", value_name = "MATTER=TREE")]
    pub special_overriding: Vec<String>,
    /// A matter that has no rule of its own any more. Repeat.
    #[arg(long = "no-rule-for", value_name = "MATTER")]
    pub no_special: Vec<String>,
    /// Which guardians bring administrators back, as a tree.
    #[arg(long, value_name = "TREE")]
    pub recovery: Option<String>,
    /// How long that is announced before it takes effect. Without it: 14 days.
    #[arg(long, value_name = "TIME")]
    pub recovery_delay: Option<String>,
    /// Nobody brings administrators back any more.
    #[arg(long, conflicts_with_all = ["recovery", "recovery_delay"])]
    pub no_recovery: bool,
}

/// Options of `recover-administrators`.
#[derive(Debug, Clone, Args)]
pub struct Recover {
    /// The enrolment of an administrator who comes in. Repeat.
    #[arg(long = "admit", value_name = "FILE")]
    pub admitted: Vec<PathBuf>,
    /// The enrolment of an administrator who lost their keys and stays. Repeat.
    #[arg(long = "rotate", value_name = "FILE")]
    pub rotated: Vec<PathBuf>,
    /// An administrator who is lost. Repeat.
    #[arg(long = "revoke", value_name = "NAME")]
    pub revoked: Vec<String>,
    #[command(flatten)]
    pub rules: Rules,
    #[command(flatten)]
    pub signer: Signer,
}

/// Options of `freeze`.
#[derive(Debug, Clone, Args)]
pub struct Freeze {
    /// The key that shall sign nothing.
    #[arg(long, value_name = "KEY", required_unless_present_any = ["all", "list"])]
    pub key: Option<String>,
    /// Nothing shall be signed.
    #[arg(long, conflicts_with = "key")]
    pub all: bool,
    /// Show what is frozen, and freeze nothing.
    #[arg(long, conflicts_with_all = ["key", "all", "reason"])]
    pub list: bool,
    /// Why: a line that everybody reads.
    #[arg(long, value_name = "TEXT", required_unless_present = "list")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub signer: Signer,
}

/// Options of `thaw`.
#[derive(Debug, Clone, Args)]
pub struct Thaw {
    /// The freeze to end, as `freeze --list` shows it. Repeat.
    #[arg(long = "freeze", value_name = "ID", required = true)]
    pub freezes: Vec<String>,
    /// Somebody who may freeze nothing any more. Repeat.
    #[arg(long = "bar", value_name = "NAME")]
    pub barred: Vec<String>,
    #[command(flatten)]
    pub signer: Signer,
}

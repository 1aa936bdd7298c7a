//! A small domain and its keys, as nodes would have made them: administrators ada, ben and cleo,
//! three signers and a witness, custodians greta, hugo and iris, of whom two restore one node and
//! all three a whole key. Everything is signed and proven as in life, and the tests know all secrets.

use quorate_access::Tree;
use quorate_backup::{
    Bundle, Keyed, Parameters, Recovery, RecoveryKey, SoftKind, Standard, Statement, Subject,
    bundle_digest, prove,
};
use quorate_charter::{
    AccountRecord, Ask, AttemptOutcome, AttemptPlan, Backup, BallotBody, CertifiedEntry, Custodian,
    Custody, Decided, Entry, EntryBody, EpochRecord, ExportStatement, Genesis, GenesisFile,
    GenesisPerson, Imported, Instance, KeyBackup, Motion, MotionBody, Recipient, Role, Roles,
    Settings, SignedBallotMessage, SignedEnrolment, SignedExportStatement, SignedMotion,
    SignedSeatClaim, State, Succession,
};
use quorate_codec::{Digest, Transcript, tag, to_bytes};
use quorate_curve::{Curve, Ed25519, NonIdentity, Scalar, Secp256k1, SecretScalar};
use quorate_identity::{
    CredentialSigner, GenesisHash, Head, ImporterSecret, MemorySigner, Name, NodeId, NodeSecrets,
    NodeSignatures, Scheme,
};
use quorate_recovery::backup_file::{
    BackupReader, BackupWriter, BundleKind, FileEnd, FileError, FileHead, Item, StoredBundle,
};
use quorate_recovery::export::{ExportFile, NodePart};
use quorate_recovery::seat::Arrival;
use quorate_recovery::secret::{Kind, Secret};
use quorate_sharing::{Commitments, Polynomial};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;

/// A moment, in milliseconds since 1970.
pub const NOW: u64 = 1_800_000_000_000;

/// The name of the file that the tests write.
pub const EXPORT: Digest = Digest([0xe5; 32]);

const NODES: [&str; 4] = ["node-1", "node-2", "node-3", "witness"];
const ADMINISTRATORS: [&str; 3] = ["ada", "ben", "cleo"];
const CUSTODIANS: [&str; 3] = ["greta", "hugo", "iris"];

/// A domain at one head, and how it got there.
#[derive(Clone)]
pub struct Domain {
    pub file: GenesisFile,
    pub entries: Vec<CertifiedEntry>,
    pub state: State,
    seed: u8,
    nodes: Vec<NodeId>,
}

/// A key in one epoch as a node keeps it: a record, and the bundles that this names.
#[derive(Clone)]
pub struct Kept {
    pub record: EpochRecord,
    pub bundles: Vec<StoredBundle>,
}

/// A key in one epoch with its secrets.
pub struct Dealt<C: Curve> {
    pub kept: Kept,
    /// The secrets of its accounts.
    pub secrets: Vec<SecretScalar<C>>,
    accounts: Vec<Commitments<C>>,
    pub shares: BTreeMap<NodeId, Vec<SecretScalar<C>>>,
}

impl Domain {
    /// Founds a domain whose custodians have keys of one kind.
    pub fn founded(seed: u8, kind: SoftKind) -> Self {
        Self::of(&genesis(seed, kind), seed)
    }

    /// Founds the domain of another seed that succeeds one; of a nonce, so that there can be
    /// several of the same nodes.
    pub fn succeeding(seed: u8, nonce: u8, succession: Succession) -> Self {
        let genesis = genesis(seed, SoftKind::X25519);
        let (domain, nonce) = (name("redrawn"), Digest([nonce; 32]));
        Self::of(&Genesis { domain, nonce, succession: Some(succession), ..genesis }, seed)
    }

    fn of(genesis: &Genesis, seed: u8) -> Self {
        let file = signed(genesis, seed, &NODES);
        let state = file.verify(&file.hash()).unwrap();
        let nodes = genesis.nodes.iter().map(SignedEnrolment::id).collect();
        Self { file, entries: Vec::new(), state, seed, nodes }
    }

    /// Orders a key.
    pub fn order(&mut self, key: &str, scheme: Scheme, tree: &str, accounts: u16) {
        let tree: Tree<Name> = tree.parse().unwrap();
        let access = tree.map(|node| self.state.node_named(node).unwrap().id);
        let body = match MotionBody::key_create(name(key), scheme, access) {
            MotionBody::KeyCreate { name, scheme, access, faults, .. } => {
                MotionBody::KeyCreate { name, scheme, access, faults, accounts }
            }
            other => other,
        };
        self.place(body);
    }

    /// Orders the import of a key of two of three nodes.
    pub fn order_import(&mut self, key: &str, secret: &SecretScalar<Secp256k1>) {
        let importer = ImporterSecret::from_bytes(&[1; 32]).public();
        let public = public(secret).to_bytes();
        let imported = Imported { public, chain_code: Digest([2; 32]), importer };
        let nodes = ["node-1", "node-2", "node-3"].map(|node| self.node(node));
        let access = Tree::gate(2, nodes.map(Tree::Leaf).to_vec()).unwrap();
        let (name, scheme) = (name(key), Scheme::EcdsaSecp256k1);
        self.place(MotionBody::KeyImport { name, scheme, access, faults: 1, imported });
    }

    /// Moves on by one entry: a motion of ada and ben, certified by three voters.
    pub fn place(&mut self, body: MotionBody) {
        let position = self.state.position() + 1;
        let nonce = Transcript::new(tag::TEST).number(position).digest();
        let motion = Motion::new(&self.state, body, nonce, NOW);
        let mut motion = SignedMotion::new(&motion);
        for who in ["ada", "ben"] {
            let person = self.state.person_named(&name(who)).unwrap().id;
            motion.sign(person, &signer(self.seed, who)).unwrap();
        }
        let entry = Entry::next(&self.state, EntryBody::Motion(motion));
        let decided = self.decide(Instance::Position(position), to_bytes(&entry), 3);
        let entry = CertifiedEntry::from_decided(&decided).unwrap();
        self.state = self.state.apply(self.state.verify_entry(&entry).unwrap());
        self.entries.push(entry);
    }

    /// What a machine says that wants the seat of a node, and asks the custodians of now.
    pub fn claim(&self, node: &str, arrival: &Arrival) -> SignedSeatClaim {
        let (genesis, node) = (self.state.genesis(), self.node(node));
        let asks = arrival.asks(genesis, node, [self.state.custody()]).unwrap();
        self.claim_asking(node, arrival, asks)
    }

    /// The same, asking this.
    pub fn claim_asking(&self, node: NodeId, arrival: &Arrival, asks: Vec<Ask>) -> SignedSeatClaim {
        let secrets = NodeSecrets::generate(&mut ChaCha20Rng::from_seed(*arrival.seed()));
        SignedSeatClaim::create(self.state.genesis(), node, arrival.public(), asks, &secrets)
    }

    /// Gives the seat of a node to the machine of a claim.
    pub fn give_seat(&mut self, node: &str, claim: SignedSeatClaim) {
        self.place(MotionBody::SeatGive { name: name(node), claim });
    }

    /// A decision of so many voters.
    pub fn decide(&self, instance: Instance, value: Vec<u8>, voters: usize) -> Decided {
        let digest = Transcript::new(tag::DECISION_VALUE).part(&value).digest();
        let genesis = self.state.genesis();
        let mut certificate = NodeSignatures::default();
        let voting = self.nodes.iter().zip(NODES);
        // Who has a seat that was given away has other keys.
        let voting = voting.filter(|(node, _)| self.state.seat(node).is_none());
        for (node, who) in voting.take(voters) {
            let secrets = node_secrets(self.seed, who);
            let precommit = BallotBody::Precommit(Some(digest));
            let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
            let vote = SignedBallotMessage::sign(genesis, instance, 0, *node, precommit, &sign);
            certificate.insert(*node, *vote.signature());
        }
        Decided { version: 1, genesis, instance, ballot: 0, value, certificate }
    }

    /// The decision of so many voters that a record holds.
    pub fn certify(&self, record: &EpochRecord, voters: usize) -> Decided {
        let (key, epoch, attempt) = (record.plan.key, record.plan.epoch, record.plan.attempt);
        let outcome = AttemptOutcome::Commit { record: to_bytes(record), prepared: Vec::new() };
        self.decide(Instance::Attempt { key, epoch, attempt, era: 0 }, to_bytes(&outcome), voters)
    }

    /// A node.
    pub fn node(&self, who: &str) -> NodeId {
        self.state.node_named(&name(who)).unwrap().id
    }

    /// The recovery trees of the custody: who restores one node, and who restores keys.
    pub fn recoveries(&self) -> (Recovery, Recovery) {
        recoveries(self.state.custody())
    }

    /// A first epoch: every member deals.
    pub fn generate<C: Curve>(&self, key: &str) -> Dealt<C> {
        let mut rng = rng(key, 0);
        let plan = self.plan(key, 0, Digest::ZERO);
        let dealer = |_: &NodeId| -> Vec<Polynomial<C>> {
            (0..plan.accounts).map(|_| Polynomial::random(&plan.tree, &mut rng)).collect()
        };
        let dealt: Vec<Vec<Polynomial<C>>> = plan.dealers.iter().map(dealer).collect();
        self.generated(plan, &dealt)
    }

    /// The same where the dealer at one place contributed the opposite of another one.
    pub fn generate_cancelling<C: Curve>(&self, key: &str, [one, other]: [usize; 2]) -> Dealt<C> {
        let mut rng = rng(key, 0);
        let plan = self.plan(key, 0, Digest::ZERO);
        let dealer = |_: &NodeId| vec![Polynomial::random(&plan.tree, &mut rng)];
        let mut dealt: Vec<Vec<Polynomial<C>>> = plan.dealers.iter().map(dealer).collect();
        let first = dealt[one][0].constant().unwrap();
        let opposite = first.times(Scalar::zero() - Scalar::one());
        dealt[other] = vec![Polynomial::with_constant(&plan.tree, opposite, &mut rng)];
        self.generated(plan, &dealt)
    }

    fn generated<C: Curve>(&self, plan: AttemptPlan, dealt: &[Vec<Polynomial<C>>]) -> Dealt<C> {
        let constants = |dealt: &Vec<Polynomial<C>>| -> Vec<SecretScalar<C>> {
            dealt.iter().map(|polynomial| copy(polynomial.constant().unwrap())).collect()
        };
        let dealers = plan.dealers.iter().copied();
        let contributed: BTreeMap<_, _> = dealers.zip(dealt.iter().map(constants)).collect();
        let mut made = self.share(plan, dealt);
        let record = &mut made.kept.record;
        let plan = &record.plan;
        record.backup.key = Some(KeyBackup {
            epoch: plan.epoch,
            attempt: plan.attempt,
            order: plan.order,
            transcript: record.transcript,
            custody: plan.custody,
            dealers: plan.dealers.clone(),
            bundles: vec![Digest::ZERO; plan.dealers.len()],
            holders: plan.committee.clone(),
        });
        for (dealer, secrets) in &contributed {
            let bundle = self.contributions(&made.kept.record, *dealer, secrets);
            made.kept.keep(bundle);
        }
        made
    }

    /// The first epoch of a key that was imported: no node deals, and nobody could back it up whole.
    pub fn import<C: Curve>(&self, key: &str, secret: &SecretScalar<C>) -> Dealt<C> {
        let plan = AttemptPlan { dealers: Vec::new(), ..self.plan(key, 0, Digest::ZERO) };
        let mut rng = rng(key, 0);
        let dealt = vec![Polynomial::with_constant(&plan.tree, copy(secret), &mut rng)];
        self.share(plan, &[dealt])
    }

    /// The next epoch of a key: other shares, and the same backup of the key itself.
    pub fn refresh<C: Curve>(&self, key: &str, before: &Dealt<C>) -> Dealt<C> {
        let epoch = before.kept.record.plan.epoch + 1;
        let plan = self.plan(key, epoch, before.kept.record.digest());
        let mut rng = rng(key, epoch);
        let again = |secret| Polynomial::with_constant(&plan.tree, copy(secret), &mut rng);
        let dealt: Vec<Polynomial<C>> = before.secrets.iter().map(again).collect();
        let mut made = self.share(plan, &[dealt]);
        made.kept.record.backup.key.clone_from(&before.kept.record.backup.key);
        let of_key = |bundle: &&StoredBundle| bundle.kind == BundleKind::Contributions;
        made.kept.bundles.extend(before.kept.bundles.iter().filter(of_key).cloned());
        made
    }

    /// What members get when these are dealt, by account, and its backup.
    fn share<C: Curve>(&self, plan: AttemptPlan, dealt: &[Vec<Polynomial<C>>]) -> Dealt<C> {
        let accounts = 0..usize::from(plan.accounts);
        let of = |account: usize| dealt.iter().map(move |dealt| &dealt[account]);
        let sum = |account| {
            let all: Vec<_> = of(account).map(|it| it.commit().unwrap()).collect();
            Commitments::sum(&all).unwrap()
        };
        let sharings: Vec<Commitments<C>> = accounts.clone().map(sum).collect();
        let secrets =
            accounts.clone().map(|it| total(of(it).map(|it| copy(it.constant().unwrap()))));
        let mut shares: BTreeMap<NodeId, Vec<SecretScalar<C>>> = BTreeMap::new();
        for account in accounts.clone() {
            for row in plan.tree.rows() {
                let share = total(of(account).map(|it| it.share(&row).unwrap()));
                shares.entry(*row.party).or_default().push(share);
            }
        }
        let account = |sharing: &Commitments<C>| AccountRecord {
            public_key: public_key(plan.scheme, sharing),
            commitments: sharing.to_bytes(),
            chain_code: Digest([2; 32]),
        };
        let shared = plan.committee.len();
        let record = EpochRecord {
            version: EpochRecord::VERSION,
            accounts: sharings.iter().map(account).collect(),
            transcript: Transcript::new(tag::TEST).number(plan.epoch).part(plan.key).digest(),
            backup: Backup { shares: vec![Digest::ZERO; shared], key: None },
            plan,
        };
        let kept = Kept { record, bundles: Vec::new() };
        let mut made = Dealt { kept, secrets: secrets.collect(), accounts: sharings, shares };
        for member in made.kept.record.plan.committee.clone() {
            let bundle = self.shares(&made, member, &self.recoveries().0);
            made.kept.keep(bundle);
        }
        made
    }

    /// The backup of a member's shares, for these custodians.
    pub fn shares<C: Curve>(
        &self,
        dealt: &Dealt<C>,
        member: NodeId,
        seats: &Recovery,
    ) -> StoredBundle {
        let statement = self.statement(dealt, member, seats);
        proven::<C, Standard>(BundleKind::Shares, statement, &dealt.shares[&member])
    }

    /// The same with a proof of other parameters.
    pub fn weak_shares<C: Curve, P: Parameters>(
        &self,
        dealt: &Dealt<C>,
        member: NodeId,
    ) -> StoredBundle {
        let statement = self.statement(dealt, member, &self.recoveries().0);
        proven::<C, P>(BundleKind::Shares, statement, &dealt.shares[&member])
    }

    /// Gives a key to somebody whole; the entry that says so.
    pub fn export(&mut self, key: &str, to: &RecoveryKey) -> Head {
        let recipient = Some(Recipient { name: name("gil"), key: to.to_bytes() });
        self.place(MotionBody::KeyExport { name: name(key), recipient });
        self.state.head()
    }

    /// What a member has to prove for an export.
    pub fn export_statement<C: Curve>(
        &self,
        dealt: &Dealt<C>,
        export: Head,
        member: &str,
        to: &RecoveryKey,
    ) -> Statement<C> {
        let record = &dealt.kept.record;
        let plan = &record.plan;
        let of = keyed(record, &dealt.accounts, record.transcript, plan.order);
        let (epoch, to) = ((plan.epoch, record.digest()), Recovery::alone(to.clone()));
        let (node, accounts) = (self.node(member), &dealt.accounts);
        Statement::of_export(of, epoch, export, node, &plan.tree, accounts, to).unwrap()
    }

    /// What a member says of a bundle that it gives.
    pub fn gives(
        &self,
        record: &EpochRecord,
        export: Head,
        member: &str,
        bundle: &[u8],
    ) -> NodePart {
        let body = ExportStatement {
            version: 1,
            genesis: self.state.genesis(),
            node: self.node(member),
            key: record.plan.key,
            epoch: record.plan.epoch,
            record: record.digest(),
            export,
            bundle: bundle_digest(bundle),
        };
        self.says(body, member, bundle)
    }

    /// The same, whatever it says.
    pub fn says(&self, body: ExportStatement, member: &str, bundle: &[u8]) -> NodePart {
        let statement = SignedExportStatement::sign(body, &node_secrets(self.seed, member));
        NodePart { statement, bundle: bundle.to_vec().into() }
    }

    /// A member's part, as it should be.
    pub fn part<C: Curve>(
        &self,
        dealt: &Dealt<C>,
        export: Head,
        member: &str,
        to: &RecoveryKey,
    ) -> NodePart {
        let statement = self.export_statement(dealt, export, member, to);
        let bundle = bundle_of::<C, Standard>(statement, &dealt.shares[&self.node(member)]);
        self.gives(&dealt.kept.record, export, member, &bundle)
    }

    /// A file of these parts.
    pub fn export_file(
        &self,
        record: &EpochRecord,
        export: Head,
        parts: &[NodePart],
    ) -> ExportFile {
        let (file, entries) = (self.file.clone(), self.entries.clone());
        ExportFile::new(file, entries, self.certify(record, 3), export, parts.to_vec())
    }

    fn statement<C: Curve>(
        &self,
        dealt: &Dealt<C>,
        member: NodeId,
        seats: &Recovery,
    ) -> Statement<C> {
        let record = &dealt.kept.record;
        let plan = &record.plan;
        let of = keyed(record, &dealt.accounts, record.transcript, plan.order);
        let seats = seats.clone();
        Statement::of_shares(of, plan.epoch, member, &plan.tree, &dealt.accounts, seats).unwrap()
    }

    /// The backup of what a dealer says that it contributed.
    pub fn contributions<C: Curve>(
        &self,
        record: &EpochRecord,
        dealer: NodeId,
        secrets: &[SecretScalar<C>],
    ) -> StoredBundle {
        let key = record.backup.key.as_ref().unwrap();
        let commitments = record.accounts.iter().map(|account| {
            Commitments::from_bytes(&record.plan.tree, &account.commitments).unwrap()
        });
        let accounts: Vec<Commitments<C>> = commitments.collect();
        let of = keyed(record, &accounts, key.transcript, key.order);
        let publics = secrets.iter().map(public).collect();
        let keys = self.recoveries().1;
        let statement = Statement::of_contributions(of, key.epoch, dealer, publics, keys);
        proven::<C, Standard>(BundleKind::Contributions, statement, secrets)
    }

    /// A canary of a node, for a file of this name and for those who restore keys.
    pub fn canary(&self, author: NodeId, export: Digest, secrets: usize) -> Vec<u8> {
        self.canary_for(author, export, secrets, self.recoveries().1)
    }

    /// The same for these custodians.
    pub fn canary_for(
        &self,
        author: NodeId,
        export: Digest,
        secrets: usize,
        recovery: Recovery,
    ) -> Vec<u8> {
        let secrets: Vec<SecretScalar<Ed25519>> =
            (0..secrets).map(|_| canary_secret(export)).collect();
        let subject = Subject::Canary { genesis: self.state.genesis(), export };
        let publics = secrets.iter().map(public).collect();
        let statement = Statement { author, subject, publics, recovery };
        proven::<Ed25519, Standard>(BundleKind::Shares, statement, &secrets).bytes
    }

    fn plan(&self, key: &str, epoch: u64, previous: Digest) -> AttemptPlan {
        let order = self.state.key_named(&name(key)).unwrap();
        let sharing = order.last_sharing().unwrap();
        let members: Vec<NodeId> = sharing.tree.parties().into_iter().collect();
        AttemptPlan {
            version: AttemptPlan::VERSION,
            genesis: self.state.genesis(),
            key: order.key,
            epoch,
            attempt: 1,
            previous,
            scheme: order.scheme,
            tree: sharing.tree.clone(),
            faults: sharing.faults,
            order: order.goal().unwrap().order,
            head: self.state.head(),
            made_at: NOW,
            dealers: members.clone(),
            incarnations: vec![Digest([4; 32]); members.len()],
            committee: members,
            accounts: order.accounts,
            origin: order.origin.clone(),
            custody: self.state.custody_digest(),
            renews: epoch == order.origin.as_ref().map_or(0, |_| 1),
        }
    }

    /// The items of a file with these keys, but for its end.
    pub fn items(&self, keys: &[Kept]) -> Vec<Item> {
        let genesis = self.file.clone();
        let head = FileHead { made_at_ms: NOW, export: EXPORT, genesis };
        let mut items = vec![Item::Head(head)];
        items.extend(self.entries.iter().cloned().map(Item::Entry));
        for Kept { record, bundles } in keys {
            items.push(Item::Epoch(self.certify(record, 3)));
            items.extend(bundles.iter().cloned().map(Item::Bundle));
        }
        items
    }
}

impl Kept {
    /// Puts a bundle into its place, and its digest into the record.
    pub fn keep(&mut self, bundle: StoredBundle) {
        let digest = bundle_digest(&bundle.bytes);
        let Backup { shares, key } = &mut self.record.backup;
        let place = |nodes: &[NodeId]| nodes.iter().position(|it| *it == bundle.author).unwrap();
        match (bundle.kind, key) {
            (BundleKind::Shares, _) => shares[place(&self.record.plan.committee)] = digest,
            (BundleKind::Contributions, key) => {
                let key = key.as_mut().unwrap();
                key.bundles[place(&key.dealers)] = digest;
            }
        }
        let it =
            |kept: &&mut StoredBundle| (kept.kind, kept.author) == (bundle.kind, bundle.author);
        match self.bundles.iter_mut().find(it) {
            Some(kept) => *kept = bundle,
            None => self.bundles.push(bundle),
        }
    }
}

/// A file of these items, as the writer writes it.
pub fn written(items: &[Item]) -> Vec<u8> {
    let [Item::Head(head), rest @ ..] = items else { panic!("no head") };
    let mut writer = BackupWriter::new(Vec::new(), head.clone()).unwrap();
    rest.iter().for_each(|item| writer.write(item).unwrap());
    writer.finish().unwrap()
}

/// A file of these items in whatever order, with an end as `spec/recovery.md` says.
pub fn forced(items: &[Item]) -> Vec<u8> {
    let first = "quorate-backup-1\n";
    let encoded: Vec<Vec<u8>> = items.iter().map(to_bytes).collect();
    let transcript = Transcript::new(tag::RECOVERY_BACKUP).part(first);
    let hash = encoded.iter().fold(transcript, Transcript::part);
    let end = FileEnd { items: items.len() as u64, digest: hash.digest() };
    let mut bytes = first.as_bytes().to_vec();
    for item in encoded.iter().chain([&to_bytes(&Item::End(end))]) {
        bytes.extend(u32::try_from(item.len()).unwrap().to_be_bytes());
        bytes.extend(item);
    }
    bytes
}

/// Everything of a file; or the first thing that is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Vec<Item>, FileError> {
    BackupReader::new(bytes)?.collect()
}

/// Where the items of a file begin, and where it ends.
pub fn boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut at = "quorate-backup-1\n".len();
    let mut boundaries = vec![at];
    while let Some(length) = bytes[at..].first_chunk() {
        at += 4 + u32::from_be_bytes(*length) as usize;
        boundaries.push(at);
    }
    boundaries
}

/// What founds the domain of a seed.
fn genesis(seed: u8, kind: SoftKind) -> Genesis {
    let roles = Roles { administrator: true, ..Roles::default() };
    let person = |who: &str| GenesisPerson {
        name: name(who),
        credential: signer(seed, who).credential().clone(),
        roles: roles.clone(),
    };
    Genesis {
        version: 1,
        domain: name("drawn"),
        staging: true,
        nodes: NODES.map(|node| enrolment(seed, node)).to_vec(),
        people: ADMINISTRATORS.map(person).to_vec(),
        services: Vec::new(),
        rules: quorate_charter::Rules::at_once(
            "2 of (ada, ben, cleo)".parse().unwrap(),
            "any of (ada, ben, cleo)".parse().unwrap(),
        ),
        faults: 1,
        settings: Settings::default(),
        nonce: Digest([seed; 32]),
        custody: custody(kind, seed),
        excepted: Vec::new(),
        succession: None,
    }
}

/// A genesis that all administrators and these of its nodes signed.
pub fn signed(genesis: &Genesis, seed: u8, nodes: &[&str]) -> GenesisFile {
    let mut file = GenesisFile::create(genesis).unwrap();
    for who in ADMINISTRATORS {
        file.sign(&signer(seed, who)).unwrap();
    }
    for node in nodes {
        file.countersign(&node_secrets(seed, node)).unwrap();
    }
    file
}

/// A founding node of the domain of a seed.
pub fn enrolment(seed: u8, node: &str) -> SignedEnrolment {
    let role = if node == "witness" { Role::Witness } else { Role::Signer };
    SignedEnrolment::create(name(node), role, &node_secrets(seed, node))
}

/// What a founding node claims of the domain that its own succeeds, with this one-time key.
pub fn estate_claim(
    (seed, node): (u8, &str),
    predecessor: GenesisHash,
    arrival: Vec<u8>,
    asks: Vec<Ask>,
) -> SignedSeatClaim {
    let id = enrolment(seed, node).id();
    SignedSeatClaim::create(predecessor, id, arrival, asks, &node_secrets(seed, node))
}

/// Recovery keys of one kind.
pub fn custody(kind: SoftKind, seed: u8) -> Custody {
    let custodian = |(number, who): (u8, &str)| {
        Custodian::new(name(who), secret_of(kind, seed ^ number).public().to_bytes())
    };
    let custodians = (1..).zip(CUSTODIANS).map(custodian).collect();
    let custody = Custody::some_of(2, custodians).unwrap();
    Custody { keys: "all of (greta, hugo, iris)".parse().unwrap(), ..custody }
}

/// The secret of a custodian of such a custody.
pub fn custodian_secret(kind: SoftKind, seed: u8, who: &str) -> Secret {
    let place = CUSTODIANS.iter().position(|it| *it == who).unwrap();
    secret_of(kind, seed ^ u8::try_from(place + 1).unwrap())
}

fn secret_of(kind: SoftKind, number: u8) -> Secret {
    let kind = match kind {
        SoftKind::Hybrid => Kind::Hybrid,
        SoftKind::X25519 => Kind::X25519,
        SoftKind::P256 => Kind::P256,
    };
    Secret::new(kind, SecretScalar::from_wide(&[number; 64]))
}

/// What the canaries of a file of this name hold.
pub fn canary_secret(export: Digest) -> SecretScalar<Ed25519> {
    SecretScalar::random(&mut rng("canary", export.0[0].into()))
}

/// The recovery trees of a custody.
pub fn recoveries(custody: &Custody) -> (Recovery, Recovery) {
    let key = |it: &Custodian| (it.name.clone(), RecoveryKey::from_bytes(&it.key).unwrap());
    let keys = custody.custodians.iter().map(key).collect();
    let over = |tree| Recovery::over(tree, &keys).unwrap();
    (over(&custody.seats), over(&custody.keys))
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A secret once more.
pub fn copy<C: Curve>(secret: &SecretScalar<C>) -> SecretScalar<C> {
    secret.plus(&SecretScalar::zero())
}

fn keyed<C: Curve>(
    record: &EpochRecord,
    accounts: &[Commitments<C>],
    transcript: Digest,
    order: quorate_identity::Head,
) -> Keyed {
    let publics: Vec<_> =
        accounts.iter().map(|account| account.constant().non_identity().unwrap()).collect();
    Keyed::new(record.plan.genesis, record.plan.key, &publics, transcript, order)
}

fn proven<C: Curve, P: Parameters>(
    kind: BundleKind,
    statement: Statement<C>,
    secrets: &[SecretScalar<C>],
) -> StoredBundle {
    let author = statement.author;
    let mut rng = rng(&author.to_string(), 7);
    let bundle: Bundle<C, P> = prove(statement, secrets, &mut rng).unwrap();
    StoredBundle { kind, author, bytes: to_bytes(&bundle) }
}

/// A bundle of these secrets, whatever it is of.
pub fn bundle_of<C: Curve, P: Parameters>(
    statement: Statement<C>,
    secrets: &[SecretScalar<C>],
) -> Vec<u8> {
    proven::<C, P>(BundleKind::Shares, statement, secrets).bytes
}

fn public<C: Curve>(secret: &SecretScalar<C>) -> NonIdentity<C> {
    secret.commit().non_identity().unwrap()
}

fn total<C: Curve>(all: impl Iterator<Item = SecretScalar<C>>) -> SecretScalar<C> {
    all.fold(SecretScalar::zero(), |sum, next| sum.plus(&next))
}

/// The constant term, for BIP-340 without its first byte.
fn public_key<C: Curve>(scheme: Scheme, sharing: &Commitments<C>) -> Vec<u8> {
    let constant = sharing.to_bytes().swap_remove(0);
    if scheme == Scheme::Bip340 { constant[1..].to_vec() } else { constant }
}

fn rng(what: &str, number: u64) -> ChaCha20Rng {
    ChaCha20Rng::from_seed(Transcript::new(tag::TEST).part(what).number(number).digest().0)
}

fn signer(seed: u8, who: &str) -> MemorySigner {
    MemorySigner::from_seed(&Transcript::new(tag::TEST).part([seed]).part(who).digest().0).unwrap()
}

fn node_secrets(seed: u8, node: &str) -> NodeSecrets {
    let seed = Transcript::new(tag::TEST).part([seed]).part("node").part(node).digest();
    NodeSecrets::generate(&mut ChaCha20Rng::from_seed(seed.0))
}

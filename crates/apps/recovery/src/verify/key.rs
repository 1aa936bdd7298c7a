//! One key: its certified record, and every bundle that this names.

use super::bundle::{Named, Publics};
use super::parallel;
use super::record::{Accounts, Certified};
use super::report::{Author, BackupPart, Checked, KeyReport, Names, Note, Part};
use super::why::{Refusal, Whose, Why};
use crate::backup_file::{BundleKind, StoredBundle};
use quorate_charter::{Decided, Instance, KeyOrder, State};
use quorate_curve::{Curve, Ed25519, P256, Point, Secp256k1};
use quorate_identity::Head;
use quorate_sharing::Commitments;

/// Verifies one key: that a quorum of voters certified the outcome, that it is a record of a key of
/// the charter, and that the bundles are the ones that it names and prove what they must. Bundles
/// stand in the order of a file: shares as the committee, contributions as the dealers of the backup
/// of the key itself.
///
/// Cost: `spec/backup.md`, Cost, for each bundle; on as many threads as the machine has.
pub fn verify_key(
    state: &State,
    decided: &Decided,
    bundles: impl IntoIterator<Item = StoredBundle>,
) -> KeyReport {
    let mut check = KeyCheck::new(state, decided);
    bundles.into_iter().for_each(|bundle| check.take(bundle));
    check.finish().0
}

/// A key while its bundles come in. It keeps those alone that the record names: so what a file can
/// make it keep is what voters certified.
pub(super) struct KeyCheck {
    report: KeyReport,
    /// What the record says; or who answers for it that it does not hold.
    certified: Result<Certified, Whose>,
    named: Vec<(Named, Offered)>,
    /// How many of them were passed.
    passed: usize,
    strays: Vec<Checked>,
    names: Names,
}

/// A bundle that the record names, as it came.
pub(super) struct Came {
    pub named: Named,
    pub bytes: Vec<u8>,
}

/// What came in the place of a named bundle.
enum Offered {
    Nothing,
    Named(Vec<u8>),
    Other(Refusal),
}

impl KeyCheck {
    /// Begins with the outcome of an attempt.
    pub fn new(state: &State, decided: &Decided) -> Self {
        let mut report = KeyReport::of(state, decided);
        let certified = match Certified::read(state, decided) {
            Ok(certified) => {
                report.statements.push(Checked::held(Part::Record));
                report.notes = notes(state, &certified);
                Ok(certified)
            }
            Err(refusal) => {
                let whose = refusal.whose.clone();
                report.statements.push(Checked::refused(Part::Record, refusal));
                Err(whose)
            }
        };
        let named = certified.iter().flat_map(Certified::named);
        let named = named.map(|named| (named, Offered::Nothing)).collect();
        let (strays, names) = (Vec::new(), Names::of(state));
        Self { report, certified, named, passed: 0, strays, names }
    }

    /// Begins with an outcome that cannot be read.
    pub fn unread(state: &State, refusal: Refusal) -> Self {
        let certified = Err(refusal.whose.clone());
        let mut report = KeyReport::of_none();
        report.statements.push(Checked::refused(Part::Record, refusal));
        let (named, strays, names) = (Vec::new(), Vec::new(), Names::of(state));
        Self { report, certified, named, passed: 0, strays, names }
    }

    /// The head at which the epoch was planned.
    pub fn planned_at(&self) -> Option<Head> {
        self.certified.as_ref().ok().map(|certified| certified.record.plan.head)
    }

    /// Takes the next bundle, which belongs behind those before it.
    pub fn take(&mut self, bundle: StoredBundle) {
        let StoredBundle { kind, author: node, bytes } = bundle;
        let author = self.names.author(node);
        let certified = match &self.certified {
            Ok(certified) => certified,
            Err(whose) => {
                let (whose, why) = (whose.clone(), Why::RestsOn("the record"));
                let refusal = Refusal { whose, why };
                return self.strays.push(stray(kind, author, refusal));
            }
        };
        let mut ahead = self.named.iter_mut().enumerate().skip(self.passed);
        match ahead.find(|(_, (named, _))| named.is_of(kind, &node)) {
            Some((at, (named, offered))) => {
                *offered = certified.look_at(named, bytes);
                self.passed = at + 1;
            }
            None => self.strays.push(stray(kind, author, Why::Stray.of_holder())),
        }
    }

    /// Verifies everything that came, and says what did not; and what the record says with what came
    /// of what it names, if a quorum certified one.
    pub fn finish(self) -> (KeyReport, Option<(Certified, Vec<Came>)>) {
        let Self { mut report, certified, named, strays, .. } = self;
        if let Ok(certified) = &certified {
            let judged = match &certified.accounts {
                Accounts::Secp256k1(accounts) => certified.judge(accounts, &named),
                Accounts::Ed25519(accounts) => certified.judge(accounts, &named),
                Accounts::P256(accounts) => certified.judge(accounts, &named),
            };
            report.statements.extend(judged);
        }
        report.statements.extend(strays);
        let came = |(named, offered)| match offered {
            Offered::Named(bytes) => Some(Came { named, bytes }),
            Offered::Nothing | Offered::Other(_) => None,
        };
        let came = named.into_iter().filter_map(came).collect();
        (report, certified.ok().map(|certified| (certified, came)))
    }
}

impl Certified {
    /// Keeps what the record names.
    fn look_at(&self, named: &Named, bytes: Vec<u8>) -> Offered {
        let is_named = match &self.accounts {
            Accounts::Secp256k1(_) => self.is_named::<Secp256k1>(named, &bytes),
            Accounts::Ed25519(_) => self.is_named::<Ed25519>(named, &bytes),
            Accounts::P256(_) => self.is_named::<P256>(named, &bytes),
        };
        match is_named {
            Ok(()) => Offered::Named(bytes),
            Err(refusal) => Offered::Other(refusal),
        }
    }

    /// Every statement about the bundles, in the order of the record, and whether the key is what
    /// the dealers contributed.
    fn judge<C: Curve>(
        &self,
        accounts: &[Commitments<C>],
        all: &[(Named, Offered)],
    ) -> Vec<Checked> {
        let proven = parallel::map(all, |(named, offered)| match offered {
            Offered::Nothing => Err(Why::Missing.of_holder()),
            Offered::Other(refusal) => Err(refusal.clone()),
            Offered::Named(bytes) => self.prove(accounts, named, bytes),
        });
        let sum = self.key.is_some().then(|| {
            let pairs = all.iter().zip(&proven);
            let of_dealers = pairs.filter(|((it, _), _)| it.kind == BundleKind::Contributions);
            let result = add_up(accounts, of_dealers.map(|(_, proven)| proven.as_ref()));
            Checked { part: Part::Sum, result }
        });
        let each = all.iter().zip(proven).map(|((named, _), proven)| Checked {
            part: Part::Backup(self.part(named)),
            result: proven.map(drop),
        });
        each.chain(sum).collect()
    }

    /// Which statement a bundle is to prove, for people.
    fn part(&self, named: &Named) -> BackupPart {
        let Named { kind, author, epoch, .. } = named;
        let custodians = match (kind, &self.key) {
            (BundleKind::Shares, _) => Some(&self.seats),
            (BundleKind::Contributions, key) => key.as_ref().map(|(_, keys)| keys),
        };
        let custodians = custodians.map(|custodians| custodians.tree.clone());
        BackupPart { kind: *kind, author: author.clone(), epoch: Some(*epoch), custodians }
    }
}

/// Whether what all dealers contributed is the key, account by account (REC-28, BAK-26). Each made
/// what it proved; that together they are another key is for those to answer for who certified that
/// they are this one.
fn add_up<'a, C: Curve>(
    accounts: &[Commitments<C>],
    contributed: impl Iterator<Item = Result<&'a Publics<C>, &'a Refusal>>,
) -> Result<(), Refusal> {
    let contributed: Result<Vec<&Publics<C>>, &Refusal> = contributed.collect();
    let contributed = contributed.map_err(|refusal| {
        let whose = refusal.whose.clone();
        Refusal { whose, why: Why::Incomplete }
    })?;
    for (number, account) in accounts.iter().enumerate() {
        let points = contributed.iter().filter_map(|publics| publics.get(number));
        let sum: Point<C> = points.map(|public| public.point()).sum();
        if sum != account.constant() {
            return Err(Why::Sum(number).of_voters());
        }
    }
    Ok(())
}

/// A bundle that belongs to nothing.
fn stray(kind: BundleKind, author: Author, refusal: Refusal) -> Checked {
    let part = BackupPart { kind, author, epoch: None, custodians: None };
    Checked::refused(Part::Backup(part), refusal)
}

/// What is true and should be known.
fn notes(state: &State, certified: &Certified) -> Vec<Note> {
    let plan = &certified.record.plan;
    let order = state.key(&plan.key);
    let is_newer = |order: &KeyOrder| order.goal().is_some_and(|goal| goal.order != plan.order);
    let notes = [
        (plan.custody != state.custody_digest(), Note::CustodyChanged),
        (order.is_some_and(is_newer), Note::Ordered),
        (order.is_some_and(|order| order.retired), Note::Retired),
        (certified.key.is_none(), Note::SharesAlone),
    ];
    notes.into_iter().filter_map(|(holds, note)| holds.then_some(note)).collect()
}

impl KeyReport {
    /// About whom a decision says that it is; nothing of it is known to hold.
    fn of(state: &State, decided: &Decided) -> Self {
        let Instance::Attempt { key, epoch, .. } = decided.instance else {
            return Self::of_none();
        };
        let order = state.key(&key);
        Self {
            key: Some(key),
            name: order.map(|order| order.name.clone()),
            scheme: order.map(|order| order.scheme),
            epoch: Some(epoch),
            ..Self::of_none()
        }
    }

    /// About nothing that could be told.
    fn of_none() -> Self {
        let (statements, notes) = (Vec::new(), Vec::new());
        let (key, name, scheme, epoch, newer) = (None, None, None, None, None);
        Self { key, name, scheme, epoch, statements, newer, notes }
    }
}

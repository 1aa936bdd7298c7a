//! From a verified backup to one whole key (REC-46, REC-48).

use super::{CombineError, WholeKey};
use crate::backup_file::BackupReader;
use crate::verify::{Contributed, HeldKey, ProvenKey, parallel, verify_keeping};
use quorate_access::Tree;
use quorate_backup::{Opener, Part, Proven, RestoreError, Restored};
use quorate_charter::{AccountRecord, State};
use quorate_curve::{Curve, SecretScalar};
use quorate_identity::{GenesisHash, KeyId, Name, RecoveryKeyId, Scheme};
use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;
use zeroize::Zeroizing;

/// One key of a backup that holds, with what its dealers contributed. Public.
pub struct Combining {
    state: State,
    name: Name,
    key: HeldKey,
    custodians: Tree<Name>,
    backup: ProvenKey,
}

/// What one custodian opened of every dealer's bundle. Secret, wiped when dropped, printed as its
/// custodian.
pub struct Opened {
    custodian: RecoveryKeyId,
    /// In the order of the dealers.
    parts: Vec<Part>,
}

/// What custodians gave back.
#[derive(Debug)]
pub struct Combined {
    /// The key of the account that was asked for.
    pub key: WholeKey,
    /// Custodians of whom something was opened that is not what was encrypted to them.
    pub liars: BTreeSet<Name>,
    /// Custodians whose keys opened nothing of something that they could have opened.
    pub silent: BTreeSet<Name>,
}

impl Combining {
    /// Verifies a whole backup file of the domain with this genesis hash, which comes from elsewhere,
    /// and finds the key of this name in its charter; a retired one only where that is `meant`.
    ///
    /// Cost: that of [`verify`](crate::verify::verify), and of the key's contributions once more.
    ///
    /// # Errors
    /// [`CombineError`].
    pub fn read<R: Read>(
        reader: BackupReader<R>,
        genesis: &GenesisHash,
        name: &Name,
        meant: bool,
    ) -> Result<Self, CombineError> {
        let mut held = None;
        let (report, state) = verify_keeping(reader, genesis, |state, mut key| {
            if state.key_named(name).is_some_and(|order| order.key == key.key()) {
                key.retain_contributions();
                held = Some(key);
            }
        });
        let state = match state {
            Some(state) if report.holds() => state,
            _ => return Err(CombineError::Refused(Box::new(report))),
        };
        let order = state.key_named(name).ok_or_else(|| CombineError::NoKey(name.clone()))?;
        if order.retired && !meant {
            return Err(CombineError::Retired(name.clone()));
        }
        // Of a key that is in use the report would not hold.
        let key: HeldKey = held.ok_or_else(|| CombineError::NotHere(name.clone()))?;
        let custodians = key.whole().ok_or_else(|| CombineError::SharesAlone(name.clone()))?;
        let custodians = custodians.clone();
        // Once more, each as what it is: nothing else is opened.
        let backup = key.contributions().ok_or(CombineError::Machine)?;
        Ok(Self { state, name: name.clone(), key: key.without_bundles(), custodians, backup })
    }

    /// The charter in the file.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What the key is called.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The key.
    pub fn key(&self) -> KeyId {
        self.key.key()
    }

    /// Which signatures it makes.
    pub fn scheme(&self) -> Scheme {
        self.key.record().plan.scheme
    }

    /// Its accounts, each with a public key.
    pub fn accounts(&self) -> &[AccountRecord] {
        &self.key.record().accounts
    }

    /// An account.
    ///
    /// # Errors
    /// [`CombineError::NoAccount`].
    pub fn account(&self, account: usize) -> Result<&AccountRecord, CombineError> {
        let accounts = self.accounts();
        let none = CombineError::NoAccount { account, accounts: accounts.len() };
        accounts.get(account).ok_or(none)
    }

    /// Who restores the whole key.
    pub fn custodians(&self) -> &Tree<Name> {
        &self.custodians
    }

    /// What the custodian is called who has this key.
    ///
    /// # Errors
    /// [`CombineError::NoCustodian`].
    pub fn custodian(&self, key: RecoveryKeyId) -> Result<&Name, CombineError> {
        self.key.whole_custodian(&key).ok_or(CombineError::NoCustodian(key))
    }

    /// Whether these custodians are different ones, and enough.
    ///
    /// # Errors
    /// [`CombineError::Twice`], [`CombineError::Missing`].
    pub fn suffice<'a>(
        &self,
        present: impl IntoIterator<Item = &'a Name>,
    ) -> Result<(), CombineError> {
        let mut distinct = BTreeSet::new();
        for name in present {
            if !distinct.insert(name.clone()) {
                return Err(CombineError::Twice(name.clone()));
            }
        }
        match self.custodians.missing_for(&distinct) {
            Some(missing) => Err(CombineError::Missing(missing)),
            None => Ok(()),
        }
    }

    /// Opens everything of the key that is for this custodian's key.
    ///
    /// Cost: one use of the key for each closed row and leaf of every dealer's bundle.
    ///
    /// # Errors
    /// The device's.
    pub fn open<O: Opener>(&self, opener: &O) -> Result<Opened, O::Error> {
        let parts = match &self.backup {
            ProvenKey::Secp256k1(backup) => backup.open(opener)?,
            ProvenKey::Ed25519(backup) => backup.open(opener)?,
            ProvenKey::P256(backup) => backup.open(opener)?,
        };
        Ok(Opened { custodian: opener.public().id(), parts })
    }

    /// The key of an account, from what these custodians opened.
    ///
    /// Cost: for each dealer that of restoring from its bundle.
    ///
    /// # Errors
    /// [`CombineError`]; then there is none.
    pub fn combine(&self, opened: Vec<Opened>, account: usize) -> Result<Combined, CombineError> {
        let present: Vec<&Name> =
            opened.iter().map(|it| self.custodian(it.custodian)).collect::<Result<_, _>>()?;
        self.suffice(present)?;
        let chain_code = self.account(account)?.chain_code.0;
        let sum = match &self.backup {
            ProvenKey::Secp256k1(backup) => backup.add_up(opened, account)?,
            ProvenKey::Ed25519(backup) => backup.add_up(opened, account)?,
            ProvenKey::P256(backup) => backup.add_up(opened, account)?,
        };
        let key = WholeKey::new(self.scheme(), &sum.secret, chain_code);
        let named = |ids: BTreeSet<RecoveryKeyId>| {
            ids.iter().filter_map(|id| self.key.whole_custodian(id).cloned()).collect()
        };
        Ok(Combined {
            key: key.ok_or(CombineError::Machine)?,
            liars: named(sum.liars),
            silent: named(sum.silent),
        })
    }
}

/// The contributions to one account, added up.
struct Sum {
    secret: Zeroizing<[u8; 32]>,
    liars: BTreeSet<RecoveryKeyId>,
    silent: BTreeSet<RecoveryKeyId>,
}

impl<C: Curve> Contributed<C> {
    fn open<O: Opener>(&self, opener: &O) -> Result<Vec<Part>, O::Error> {
        self.dealers.iter().map(|proven| proven.open(opener)).collect()
    }

    /// What all dealers contributed to an account, which is the certified key or nothing (BAK-26).
    fn add_up(&self, opened: Vec<Opened>, account: usize) -> Result<Sum, CombineError> {
        let mut by_dealer: Vec<(&Proven<C>, Vec<Part>)> =
            self.dealers.iter().map(|proven| (proven, Vec::new())).collect();
        for Opened { parts, .. } in opened {
            by_dealer.iter_mut().zip(parts).for_each(|((_, of), part)| of.push(part));
        }
        let (mut sum, mut liars, mut silent) =
            (SecretScalar::zero(), BTreeSet::new(), BTreeSet::new());
        for restored in parallel::map(&by_dealer, |(proven, parts)| proven.restore(parts)) {
            let Restored { secrets, liars: lied, silent: kept } = restored.map_err(unrestored)?;
            sum = sum.plus(secrets.get(account).ok_or(CombineError::Machine)?);
            liars.extend(lied);
            silent.extend(kept);
        }
        // What is opened wrongly is mostly no share at all.
        silent.retain(|id| !liars.contains(id));
        match self.publics.get(account) {
            Some(public) if sum.commit() == *public => {
                Ok(Sum { secret: sum.to_bytes(), liars, silent })
            }
            _ => Err(CombineError::Machine),
        }
    }
}

fn unrestored(error: RestoreError) -> CombineError {
    match error {
        RestoreError::GaveUp => CombineError::GaveUp,
        // Who is missing or here twice was looked at before, and what is opened here is of these
        // bundles.
        RestoreError::False
        | RestoreError::Missing(_)
        | RestoreError::Other(_)
        | RestoreError::Twice(_) => CombineError::False,
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Opened({})", self.custodian)
    }
}

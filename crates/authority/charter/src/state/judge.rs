//! What may enter the log at a state: motions and entries, held against it.

use super::{Ahead, Announced, KeyOrder, State};
use crate::agreement::Decided;
use crate::custody::Custody;
use crate::entry::{
    CertifiedEntry, Entry, EntryBody, EntryError, ProposedEntry, Step, VerifiedEntry,
};
use crate::export::{ExportError, Recipient};
use crate::genesis::{RolesError, check_roles};
use crate::imported::Imported;
use crate::limits::{
    EXPORTS_OF_A_KEY_MAX, EXPORTS_OPEN_MAX, KEYS_MAX, MOTION_LIFETIME_MS_MAX,
    MOTION_SIGNATURES_MAX, POLICY_BYTES_MAX, PRESIGNATURES_MAX, THAWS_MAX,
};
use crate::motion::{
    Motion, MotionBody, MotionError, MotionStatus, SignedMotion, most_accounts, most_faults,
};
use crate::origin::{Origin, Restored};
use crate::seat::SignedSeatClaim;
use crate::statement::StatementError;
use quorate_access::{LintOptions, Tree};
use quorate_codec::{Digest, tag};
use quorate_identity::{MotionId, Name, NodeId, PersonId, Scheme};
use std::collections::BTreeSet;
use std::sync::Arc;

impl State {
    /// Whether a motion, with the signatures it has so far, may still enter the log: well-formed,
    /// for this domain, in time, not placed yet, what it touches as it expects, and every
    /// signature that is present a valid one of somebody with a say (GOV-10 to GOV-15).
    ///
    /// # Errors
    /// [`MotionError`]. Cost: one signature verification a signature.
    pub fn check_motion(
        &self,
        signed: &SignedMotion,
        now_ms: u64,
    ) -> Result<MotionStatus, MotionError> {
        self.check_known_motion(signed, now_ms, &Ahead::default())
    }

    /// The same of a motion that is looked at again, with what was verified of it before.
    ///
    /// # Errors
    /// [`MotionError`].
    pub fn check_known_motion(
        &self,
        signed: &SignedMotion,
        now_ms: u64,
        ahead: &Ahead,
    ) -> Result<MotionStatus, MotionError> {
        let status = self.hold_motion(signed, ahead)?;
        let expiry_ms = status.motion.expiry_ms;
        if expiry_ms <= now_ms {
            return Err(MotionError::Expired);
        }
        if expiry_ms - now_ms > MOTION_LIFETIME_MS_MAX {
            return Err(MotionError::TooLate);
        }
        Ok(status)
    }

    /// Whether a motion may enter the log now: everything of
    /// [`check_motion`](Self::check_motion), and its signatures satisfy the rule (GOV-16).
    ///
    /// # Errors
    /// [`MotionError`].
    pub fn authorise(&self, signed: &SignedMotion, now_ms: u64) -> Result<(), MotionError> {
        self.require_authority(&self.check_motion(signed, now_ms)?)
    }

    /// Who must still sign a motion, counting the signatures it carries without verifying them;
    /// nothing once they are enough.
    pub fn missing_for(&self, signed: &SignedMotion) -> Option<Tree<Name>> {
        let signers = signed.signatures.iter().map(|(person, _)| *person).collect();
        let rule = self.authority_for(&signed.body().body).ok()?;
        self.with_names(&rule.missing_for(&signers)?)
    }

    /// Judges a value proposed for the next position, at `now_ms` on this node's clock, which
    /// stored the entries of positions when `stored_at` says (GOV-81).
    ///
    /// # Errors
    /// [`EntryError`]; [`EntryError::Late`] when nothing but the time speaks against it.
    pub fn check_next(
        &self,
        bytes: &[u8],
        now_ms: u64,
        stored_at: &dyn Fn(u64) -> Option<u64>,
    ) -> Result<ProposedEntry, EntryError> {
        let proposed = self.hold_entry(quorate_codec::from_bytes(bytes)?, &Ahead::default())?;
        let is_in_time = match &proposed.entry().body {
            EntryBody::Motion(_) => proposed.motion().is_none_or(|it| it.expiry_ms > now_ms),
            EntryBody::Enact(id) => {
                let due = self.announcement(id).and_then(|announced| announced.due(stored_at));
                due.is_some_and(|due| due <= now_ms)
            }
            EntryBody::Rejoin(_) => true,
        };
        match is_in_time {
            true => Ok(proposed),
            false => Err(EntryError::Late(Box::new(proposed))),
        }
    }

    /// Verifies a certified entry as the next one: its place, the certificate of a quorum of
    /// this state's voters, and everything else, except the expiry of its motion, which the
    /// voters judged by their clocks when they voted (GOV-22).
    ///
    /// # Errors
    /// [`EntryError`]. Cost: one signature verification a voter and signer.
    pub fn verify_entry(&self, certified: &CertifiedEntry) -> Result<VerifiedEntry, EntryError> {
        let held = self.hold_certified(certified, &Ahead::default())?;
        let decided: Decided = certified.to_decided();
        decided.verify(self)?;
        Ok(held)
    }

    /// The same without its certificate, for whoever sees to that.
    pub(crate) fn hold_certified(
        &self,
        certified: &CertifiedEntry,
        ahead: &Ahead,
    ) -> Result<VerifiedEntry, EntryError> {
        let proposed = self.hold_entry(certified.entry().clone(), ahead)?;
        Ok(VerifiedEntry::new(proposed, certified.head()))
    }

    /// Everything about an entry but certificate and time.
    fn hold_entry(&self, entry: Entry, ahead: &Ahead) -> Result<ProposedEntry, EntryError> {
        if entry.version != 1 {
            return Err(EntryError::Version(entry.version));
        }
        if entry.genesis != self.genesis() {
            return Err(EntryError::ForeignDomain(entry.genesis));
        }
        let expected = self.position() + 1;
        if entry.position != expected {
            return Err(EntryError::Position { expected, got: entry.position });
        }
        if entry.prev != self.head() {
            return Err(EntryError::Fork { ours: self.head(), theirs: entry.prev });
        }
        let step = match &entry.body {
            EntryBody::Motion(signed) => {
                let status = self.hold_motion(signed, ahead)?;
                self.require_authority(&status)?;
                self.step_of(signed.id(), status)?
            }
            EntryBody::Enact(id) => {
                let announced = self.must_be_announced(id)?;
                if announced.is_objected() {
                    return Err(MotionError::Objected.into());
                }
                self.hold_announced(announced)?;
                let (motion, signed_by) = (announced.motion.clone(), Vec::new());
                Step::Enacts { id: *id, motion, signed_by }
            }
            EntryBody::Rejoin(rejoin) => {
                self.check_rejoin(rejoin)?;
                Step::Rejoins
            }
        };
        Ok(ProposedEntry::new(entry, step))
    }

    /// Whether an authorised motion takes effect at once, or is announced (GOV-80).
    fn step_of(&self, id: MotionId, status: MotionStatus) -> Result<Step, MotionError> {
        match self.delay_of(&status.motion.body) {
            0 => {
                let MotionStatus { motion, signed_by, .. } = status;
                Ok(Step::Enacts { id, motion, signed_by })
            }
            _ if self.is_crowded(&status.motion.body) => Err(MotionError::TooManyAnnounced),
            delay_ms => Ok(Step::Announces { id, status, delay_ms }),
        }
    }

    /// Whether what an announced motion needs still holds.
    pub(super) fn may_still_enact(&self, announced: &Announced) -> bool {
        self.hold_announced(announced).is_ok() && self.is_still_authorised(announced)
    }

    fn hold_announced(&self, announced: &Announced) -> Result<(), MotionError> {
        self.check_expectations(&announced.motion)?;
        self.check_body(announced.id, &announced.motion.body)
    }

    /// Everything about a motion but the time.
    fn hold_motion(
        &self,
        signed: &SignedMotion,
        ahead: &Ahead,
    ) -> Result<MotionStatus, MotionError> {
        let motion = signed.body();
        if motion.genesis != self.genesis() {
            return Err(MotionError::ForeignDomain(motion.genesis));
        }
        if self.has_placed(&signed.id()) {
            return Err(MotionError::Placed);
        }
        self.check_expectations(motion)?;
        self.check_body(signed.id(), &motion.body)?;
        let rule = self.authority_for(&motion.body)?;
        let signed_by = self.check_signatures(signed, &rule, ahead)?;
        let missing = rule.missing_for(&signed_by);
        let motion = Arc::clone(motion);
        Ok(MotionStatus { motion, signed_by: signed_by.into_iter().collect(), missing })
    }

    fn require_authority(&self, status: &MotionStatus) -> Result<(), MotionError> {
        let missing = status.missing.as_ref().and_then(|missing| self.with_names(missing));
        match missing {
            None if status.missing.is_none() => Ok(()),
            missing => Err(MotionError::Unauthorised(missing)),
        }
    }

    /// A motion expects versions of exactly what it touches, and they hold.
    fn check_expectations(&self, motion: &Motion) -> Result<(), MotionError> {
        let expected = motion.expects.iter().map(|(object, _)| object);
        if !expected.eq(motion.touches().iter()) {
            return Err(MotionError::Expects);
        }
        for (object, expected) in &motion.expects {
            let got = self.version(object);
            if got != *expected {
                let object = object.clone();
                return Err(MotionError::Superseded { object, expected: *expected, got });
            }
        }
        Ok(())
    }

    fn check_body(&self, id: MotionId, body: &MotionBody) -> Result<(), MotionError> {
        match body {
            // Expecting the name's version is not enough: it may expect that of the key there is.
            MotionBody::KeyCreate { name, .. }
            | MotionBody::KeyImport { name, .. }
            | MotionBody::KeyRestore { name, .. }
                if self.key_named(name).is_some() =>
            {
                Err(MotionError::NameTaken(name.clone()))
            }
            MotionBody::KeyCreate { .. }
            | MotionBody::KeyImport { .. }
            | MotionBody::KeyRestore { .. }
                if self.keys.len() >= KEYS_MAX =>
            {
                Err(MotionError::TooManyKeys)
            }
            MotionBody::KeyCreate { access, faults, accounts, .. } => {
                self.check_access(access, *faults)?;
                check_accounts(access, *accounts)
            }
            MotionBody::KeyImport { scheme, access, faults, imported, .. } => {
                self.check_imported(*scheme, imported)?;
                self.check_access(access, *faults)
            }
            MotionBody::KeyRestore { access, faults, accounts, restored, .. } => {
                self.check_restored(restored)?;
                self.check_access(access, *faults)?;
                check_accounts(access, *accounts)
            }
            MotionBody::PolicySet { bundle } if bundle.len() > POLICY_BYTES_MAX => {
                Err(MotionError::PolicyTooLong(bundle.len()))
            }
            MotionBody::PolicySet { .. } => Ok(()),
            MotionBody::KeyReshare { name, access, faults } => {
                self.check_standing(name)?;
                self.check_access(access, *faults)?;
                let accounts = self.key_named(name).map_or(1, |order| order.accounts);
                check_accounts(access, accounts)
            }
            MotionBody::KeySchedule { name, schedule } => {
                self.check_standing(name)?;
                let checked = schedule.map_or(Ok(()), |schedule| schedule.check());
                checked.map_err(MotionError::Schedule)
            }
            MotionBody::KeyPresign { name, most } => {
                self.check_standing(name)?;
                let scheme = self.key_named(name).map(|order| order.scheme);
                match scheme.filter(|scheme| !scheme.is_ecdsa()) {
                    Some(scheme) => Err(MotionError::NoPresignatures(scheme)),
                    None if *most > PRESIGNATURES_MAX => Err(MotionError::Presignatures(*most)),
                    None => Ok(()),
                }
            }
            MotionBody::CustodySet { custody, excepted } => self.check_custody(custody, excepted),
            MotionBody::SeatGive { name, claim } => self.check_claim(name, claim),
            MotionBody::KeyExport { name, recipient } => {
                self.check_standing(name)?;
                Ok(self.check_export(name, recipient.as_ref())?)
            }
            MotionBody::KeyRefresh { name }
            | MotionBody::KeyVoid { name }
            | MotionBody::KeyRetire { name } => self.check_standing(name),
            MotionBody::People(change) => {
                self.changed_people(id, change)?;
                Ok(())
            }
            MotionBody::Recover(change) => {
                self.check_recovery(change)?;
                self.changed_people(id, change)?;
                Ok(())
            }
            MotionBody::Nodes(change) => {
                self.changed_nodes(change)?;
                Ok(())
            }
            MotionBody::ReleaseRequire { minimum } => match self.minimum() {
                Some(before) if before >= minimum => Err(MotionError::Minimum(before.clone())),
                _ => Ok(()),
            },
            MotionBody::SettingsSet { settings } => settings.check().map_err(MotionError::Setting),
            MotionBody::Object { .. }
            | MotionBody::Override { .. }
            | MotionBody::Withdraw { .. } => self.check_about_announced(body),
            MotionBody::Thaw { freezes, barred, refused } => {
                self.check_thaw(freezes, barred, refused)
            }
        }
    }

    /// A thaw names freezes, once each, and bars only people of this domain (GOV-92).
    fn check_thaw(
        &self,
        freezes: &[Digest],
        barred: &[Name],
        refused: &[Digest],
    ) -> Result<(), MotionError> {
        let ascends = |digests: &[Digest]| digests.is_sorted_by(|left, right| left < right);
        let is_ordered = ascends(freezes)
            && ascends(refused)
            && (1..=THAWS_MAX).contains(&(freezes.len() + refused.len()))
            && barred.len() <= 1;
        let are_known = barred.iter().all(|name| self.person_named(name).is_some());
        if is_ordered && are_known { Ok(()) } else { Err(MotionError::Thaw) }
    }

    /// A point as long as those of the scheme, which no other key that stands is to have, under
    /// whatever scheme (IMP-02). Whether it is on the curve, and what generated keys have, is for
    /// those who know curves and records: the nodes, before they vote.
    fn check_imported(&self, scheme: Scheme, imported: &Imported) -> Result<(), MotionError> {
        if !imported.fits(scheme) {
            return Err(MotionError::Public(scheme));
        }
        let standing = self.keys.values().filter(|order| !order.retired);
        let known = |order: &&Arc<KeyOrder>| {
            let known = order.origin.as_ref().and_then(Origin::imported);
            known.is_some_and(|known| known.is_same_key(&imported.public))
        };
        match standing.into_iter().find(known) {
            Some(order) => Err(MotionError::PublicTaken(order.name.clone())),
            None => Ok(()),
        }
    }

    /// This domain succeeds another one, and no other key that stands is to be the same key of it
    /// (SUC-20). What that is, is for those who have its backup: the nodes, before they vote.
    fn check_restored(&self, restored: &Restored) -> Result<(), MotionError> {
        if self.succession().is_none() {
            return Err(MotionError::NoPredecessor);
        }
        let mut standing = self.keys.values().filter(|order| !order.retired);
        let same = standing.find(|order| {
            let known = order.origin.as_ref().and_then(Origin::restored);
            known.is_some_and(|known| known.key == restored.key)
        });
        same.map_or(Ok(()), |order| Err(MotionError::RestoredTaken(order.name.clone())))
    }

    /// Custodians who can restore, under names that are no node's and no service's, and nobody who
    /// would be two things without being excepted (GOV-50, GOV-52). What their keys are is for
    /// those who know curves: the nodes, before they vote.
    fn check_custody(&self, custody: &Custody, excepted: &[Name]) -> Result<(), MotionError> {
        custody.check()?;
        let nodes = self.nodes().map(|node| &node.name);
        let mut taken = nodes.chain(self.services().map(|service| &service.name));
        if let Some(name) = taken.find(|name| custody.named(name).is_some()) {
            return Err(RolesError::Name(name.clone()).into());
        }
        let was_given = |key: &[u8]| self.recipients().any(|known| known.key == key);
        let mut custodians = custody.custodians.iter();
        if let Some(it) = custodians.find(|it| was_given(&it.key)) {
            return Err(ExportError::Recipient(it.name.clone()).into());
        }
        let people = self.people().map(|person| (&person.name, &person.roles));
        check_roles(people, custody, excepted, self.excepted())?;
        Ok(())
    }

    /// A key is given whole to a recovery key that serves nothing else and never did, under a name that
    /// is no node's, service's or custodian's; an export that is open can be ended (KEX-02). What a
    /// recovery key is, is for those who know curves: the nodes, before they vote.
    fn check_export(&self, key: &Name, recipient: Option<&Recipient>) -> Result<(), ExportError> {
        let order = self.key_named(key);
        let open = || order.into_iter().flat_map(KeyOrder::open_exports);
        let Some(recipient) = recipient else {
            return match open().next() {
                Some(_) => Ok(()),
                None => Err(ExportError::NotOpen(key.clone())),
            };
        };
        let name = &recipient.name;
        if !recipient.is_well_formed() {
            return Err(ExportError::Key(name.clone()));
        }
        if self.node_named(name).is_some()
            || self.service_named(name).is_some()
            || self.custody().named(name).is_some()
        {
            return Err(ExportError::Name(name.clone()));
        }
        if self.serves_elsewhere(recipient) {
            return Err(ExportError::KeyTaken(name.clone()));
        }
        if open().any(|export| export.recipient.key == recipient.key) {
            return Err(ExportError::Open(key.clone()));
        }
        if open().count() >= EXPORTS_OF_A_KEY_MAX {
            return Err(ExportError::TooMany(key.clone()));
        }
        match self.keys().flat_map(KeyOrder::open_exports).count() < EXPORTS_OPEN_MAX {
            true => Ok(()),
            false => Err(ExportError::TooManyOpen),
        }
    }

    /// Whether a recovery key is, was, or would be a custodian's, a machine's in a seat, or the key of
    /// a node, person or service.
    fn serves_elsewhere(&self, recipient: &Recipient) -> bool {
        let announced = self.announced().filter_map(|it| match &it.motion.body {
            MotionBody::CustodySet { custody, .. } => Some(custody),
            _ => None,
        });
        let custodies = self.custodies.values().map(AsRef::as_ref).chain(announced);
        let mut custodians = custodies.flat_map(|custody| &custody.custodians);
        let seated = self.seats.values().map(|seat| &seat.claim);
        let heirs = self.succession().into_iter().flat_map(|it| &it.claims);
        let mut claims = seated.chain(heirs.map(SignedSeatClaim::body));
        custodians.any(|custodian| custodian.key == recipient.key)
            || claims.any(|claim| claim.arrival == recipient.key)
            || self.points_of_people_and_nodes().iter().any(|point| recipient.is_point(point))
    }

    /// Everybody to whom a key was exported, or would be by what is announced.
    fn recipients(&self) -> impl Iterator<Item = &Recipient> {
        let announced = self.announced().filter_map(|it| match &it.motion.body {
            MotionBody::KeyExport { recipient, .. } => recipient.as_ref(),
            _ => None,
        });
        self.exported_to().chain(announced)
    }

    /// A machine of its own keys, which nobody had, claims the seat of the node of this name
    /// (GOV-60). What its one-time key is, is for those who know curves: the nodes, before they vote.
    fn check_claim(&self, name: &Name, signed: &SignedSeatClaim) -> Result<(), MotionError> {
        let claim = signed.body();
        signed.verify_own().map_err(MotionError::Claim)?;
        if claim.genesis != self.genesis() {
            return Err(MotionError::Claim(StatementError::ForeignDomain(claim.genesis)));
        }
        if self.node_named(name).map(|node| node.id) != Some(claim.node) {
            return Err(MotionError::UnknownSeat(name.clone()));
        }
        // What is restored for the seat would open for whoever was given a key (KEX-02).
        let was_given = self.recipients().any(|known| known.key == claim.arrival);
        if was_given || self.knows_a_key_of(&claim.keys) {
            return Err(MotionError::KeyTaken(name.clone()));
        }
        match claim.is_well_formed() {
            true => Ok(()),
            false => Err(MotionError::Arrival(name.clone())),
        }
    }

    /// There is a key of the name, and it was not retired (GOV-17).
    fn check_standing(&self, name: &Name) -> Result<(), MotionError> {
        match self.key_named(name) {
            None => Err(MotionError::UnknownKey(name.clone())),
            Some(order) if order.retired => Err(MotionError::Retired(name.clone())),
            Some(_) => Ok(()),
        }
    }

    /// Only signers hold shares, none of them signs alone, and no more losses are promised than
    /// the tree bears (GOV-14).
    fn check_access(&self, access: &Tree<NodeId>, faults: u8) -> Result<(), MotionError> {
        if let Some(node) = access.parties().into_iter().find(|node| !self.is_signing(node)) {
            return Err(MotionError::NoSigner(self.called(&node)));
        }
        let named = access.map(|id| self.called(id));
        if let Some(error) = named.lint(&LintOptions::default()).errors.first() {
            return Err(MotionError::Access(error.to_string()));
        }
        let most = most_faults(access);
        if faults > most { Err(MotionError::Faults { asked: faults, most }) } else { Ok(()) }
    }

    /// What people call a node: its name, or the id of one that is not here.
    fn called(&self, id: &NodeId) -> String {
        self.node_ever(id).map_or_else(|| id.to_string(), |node| node.name.to_string())
    }

    /// Every signature is one of a person with a say, once, under exactly the motion's bytes.
    fn check_signatures(
        &self,
        signed: &SignedMotion,
        rule: &Tree<PersonId>,
        ahead: &Ahead,
    ) -> Result<BTreeSet<PersonId>, MotionError> {
        let ids = || signed.signatures.iter().map(|(person, _)| *person);
        let ascending = ids().is_sorted_by(|left, right| left < right);
        if !ascending || signed.signatures.len() > MOTION_SIGNATURES_MAX {
            return Err(MotionError::Signatures);
        }
        let (with_a_say, motion) = (rule.parties(), signed.id());
        for (id, signature) in &signed.signatures {
            let person = self.person(id).filter(|_| with_a_say.contains(id));
            let person = person.ok_or(MotionError::NoSay(*id))?;
            if ahead.has(motion, *id, signature, &person.keys) {
                continue;
            }
            let verified = person.keys.verify(tag::MOTION, signed.bytes(), signature);
            verified.map_err(|_| MotionError::Signature(person.name.clone()))?;
        }
        Ok(ids().collect())
    }
}

/// A key has no more accounts than one dealing over its tree makes (GOV-18).
fn check_accounts(access: &Tree<NodeId>, asked: u16) -> Result<(), MotionError> {
    let most = most_accounts(access);
    if (1..=most).contains(&asked) { Ok(()) } else { Err(MotionError::Accounts { asked, most }) }
}

//! The first epoch of a key that is imported: its members are ready, and wait for the one dealer,
//! who has no channel. See `spec/import.md`; the files that are carried are in
//! [`crate::import`].

use super::ceremony::{Ceremony, Phase};
use crate::import::{self, First, ImportAnswer, ImportOffer};
use crate::node::{Node, Turn};
use crate::wire::{DealMessage, DealStep, ImportDealing, Message};
use quorate_charter::{AttemptPlan, Imported, MotionBody, MotionError, SignedMotion};
use quorate_engine::{self as engine, Failure, Fault};
use quorate_identity::{KeyId, Name, NodeId, NodeSignature, Scheme};
use std::collections::BTreeMap;

/// What the first epoch of an imported key needs beyond other attempts.
#[derive(Default)]
pub(super) struct Importing {
    /// The members' first messages as they signed them.
    firsts: BTreeMap<NodeId, First>,
    /// What the importer dealt, once it is here.
    pub(super) dealing: Option<ImportDealing>,
    /// Whether the long wait began.
    waits: bool,
}

/// Why a dealing is not taken.
pub(crate) enum NotTaken {
    /// There is no such key, or it is not being imported.
    NoImport,
    /// The members wait for nothing of that kind now.
    NotReady(Vec<NodeId>),
    /// It was dealt for another attempt.
    OtherAttempt,
    /// Another dealing for this attempt was taken before.
    Taken,
    /// These members must be here, or what was dealt would be lost.
    Away(Vec<NodeId>),
    /// These members said something else to the importer than to this node.
    Differing(Vec<NodeId>),
    /// It is no dealing of the importer.
    Refused(import::ImportError),
}

impl Importing {
    pub(super) fn note_first(&mut self, node: NodeId, bytes: &[u8], signature: NodeSignature) {
        let first = || First { node, bytes: bytes.to_vec(), signature };
        self.firsts.entry(node).or_insert_with(first);
    }
}

impl Ceremony {
    /// Whether all members said their first word and nothing but the importer's is missing.
    pub(super) fn awaits_importer(&self) -> bool {
        let in_round_1 = matches!(self.phase, Phase::ExpectRound { number: 1, .. });
        let mut members = self.plan.committee.iter();
        self.plan.import().is_some()
            && in_round_1
            && self.import.dealing.is_none()
            && members.all(|node| self.import.firsts.contains_key(node))
    }

    fn firsts(&self) -> Vec<First> {
        self.import.firsts.values().cloned().collect()
    }
}

impl Node {
    /// A motion that brings a key: the point is one of the scheme's curve, and no key that this
    /// node knows has it (IMP-02).
    pub(crate) fn check_import(
        &self,
        scheme: Scheme,
        imported: &Imported,
    ) -> Result<(), MotionError> {
        if engine::check_public(scheme, &imported.public).is_err() {
            return Err(MotionError::Public(scheme));
        }
        let mut same = self.keys.records().filter(|(_, record)| {
            record.accounts.iter().any(|account| imported.is_same_key(&account.public_key))
        });
        let made = same.next().and_then(|(key, _)| self.state.key(key));
        let made = made.map(|order| order.name.clone());
        match made.or_else(|| self.restored_with(&imported.public)) {
            Some(name) => Err(MotionError::PublicTaken(name)),
            None => Ok(()),
        }
    }

    /// The same for a motion as it is filed.
    pub(crate) fn check_import_motion(&self, motion: &SignedMotion) -> Result<(), MotionError> {
        match &motion.body().body {
            MotionBody::KeyImport { scheme, imported, .. } => self.check_import(*scheme, imported),
            _ => Ok(()),
        }
    }

    /// While only the importer's messages are missing, an attempt waits for them much longer than
    /// for any node: they are carried in files (IMP-04).
    pub(super) fn wait_for_importer(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let Some(ceremony) = self.ceremony(&key) else { return };
        if !ceremony.awaits_importer() || ceremony.import.waits {
            return;
        }
        ceremony.import.waits = true;
        self.keys.due.set(key, turn.now.saturating_add(self.pace.importer_timeout_ms));
        turn.out.notices.push(crate::event::Notice::Key(key));
        self.audit(format!("the import of key {key} waits for the importer"), &[], turn);
    }

    /// What the importer needs, once all members are ready for it.
    pub(crate) fn import_offer(&self, name: &Name) -> Result<ImportOffer, NotTaken> {
        let ceremony = self.importing(name)?;
        if !ceremony.awaits_importer() {
            return Err(NotTaken::NotReady(Self::awaited_in(ceremony)));
        }
        let (plan, firsts) = (ceremony.plan.clone(), ceremony.firsts());
        Ok(ImportOffer { version: ImportOffer::VERSION, plan, firsts })
    }

    fn importing(&self, name: &Name) -> Result<&Ceremony, NotTaken> {
        let order = self.state.key_named(name).filter(|order| order.is_imported());
        let order = order.ok_or(NotTaken::NoImport)?;
        let book = self.keys.book(&order.key).ok_or(NotTaken::NoImport)?;
        if book.current().is_some() || order.retired {
            return Err(NotTaken::NoImport);
        }
        book.ceremony.as_ref().ok_or(NotTaken::NotReady(Vec::new()))
    }

    /// Somebody brings what the importer dealt. It is taken only while everybody is here: else the
    /// attempt would end, and the importer would have to deal again.
    pub(crate) fn submit_import(
        &mut self,
        name: &Name,
        answer: ImportAnswer,
        turn: &mut Turn<'_>,
    ) -> Result<(), NotTaken> {
        if answer.version != ImportAnswer::VERSION {
            return Err(NotTaken::Refused(import::ImportError::Version(answer.version)));
        }
        import::check_dealing(&self.state, &answer.dealing).map_err(NotTaken::Refused)?;
        let ceremony = self.importing(name)?;
        let is_ours = |message: &DealMessage| message.context == Some(ceremony.context);
        if !is_ours(&answer.dealing.first) {
            return Err(NotTaken::OtherAttempt);
        }
        if ceremony.import.dealing.as_ref() == Some(&answer.dealing) {
            return Ok(());
        }
        let differing: Vec<NodeId> = answer.differing(&ceremony.firsts()).into_iter().collect();
        if !differing.is_empty() {
            let text = format!("the importer of key {name} was shown other first messages");
            self.audit(text, &differing, turn);
            return Err(NotTaken::Differing(differing));
        }
        let members = ceremony.plan.committee.iter().copied();
        let is_away = |node: &NodeId| *node != self.me && !self.presence.is_here(node);
        let away: Vec<NodeId> = members.filter(is_away).collect();
        if !away.is_empty() {
            return Err(NotTaken::Away(away));
        }
        self.take_dealing(answer.dealing, turn)
    }

    /// A peer passes on what the importer dealt; its signatures were checked.
    pub(crate) fn on_import(&mut self, _: NodeId, dealing: ImportDealing, turn: &mut Turn<'_>) {
        // What is for another attempt is old, or early: it is told again.
        let _ = self.take_dealing(dealing, turn);
    }

    /// Takes the importer's messages into the attempt for which they were made, once, and passes
    /// them on (IMP-06).
    fn take_dealing(
        &mut self,
        dealing: ImportDealing,
        turn: &mut Turn<'_>,
    ) -> Result<(), NotTaken> {
        let key = dealing.first.key;
        let ceremony = self.ceremony(&key).filter(|ceremony| ceremony.plan.import().is_some());
        let ceremony = ceremony.ok_or(NotTaken::NoImport)?;
        // Of an attempt that is over, or of none that this node takes part in (IMP-06).
        if dealing.first.context != Some(ceremony.context) {
            return Err(NotTaken::OtherAttempt);
        }
        if let Some(known) = &ceremony.import.dealing {
            return if *known == dealing { Ok(()) } else { Err(NotTaken::Taken) };
        }
        let imported = ceremony.plan.import().ok_or(NotTaken::NoImport)?;
        let dealer = imported.importer.dealer();
        for message in [&dealing.first, &dealing.second] {
            if let DealStep::Round { number, bytes } = &message.step {
                ceremony.messages.insert((*number, dealer), bytes.clone());
            }
        }
        ceremony.import.dealing = Some(dealing.clone());
        let peers = ceremony.plan.participants();
        self.keys.due.set(key, turn.now.saturating_add(self.pace.ceremony_timeout_ms));
        let to_all = Message::Import(Box::new(dealing));
        for peer in peers {
            self.send(peer, &to_all, turn);
        }
        self.audit(format!("the importer of key {key} dealt"), &[], turn);
        self.advance_ceremony(key, turn);
        Ok(())
    }

    /// Why a dealing failed, and whose fault it is. The importer is no node, so a text names it.
    pub(super) fn why_failed(&self, key: &KeyId, failure: Failure) -> (String, Vec<NodeId>) {
        let mut culprits = match failure.fault {
            Fault::Peer { culprits } => culprits,
            Fault::Caller | Fault::Machine => Vec::new(),
        };
        let book = self.keys.book(key);
        let plan = book.and_then(|book| book.ceremony.as_ref()).map(|ceremony| &ceremony.plan);
        let imported = plan.and_then(AttemptPlan::import);
        let Some(dealer) = imported.map(|imported| imported.importer.dealer()) else {
            return (failure.reason, culprits);
        };
        let reason = failure.reason.replace(&dealer.to_string(), "the importer");
        let is_importers = culprits.contains(&dealer) || reason != failure.reason;
        culprits.retain(|culprit| *culprit != dealer);
        let reason = match is_importers {
            true => format!("the importer dealt what it should not: {reason}"),
            false => reason,
        };
        (reason, culprits)
    }
}

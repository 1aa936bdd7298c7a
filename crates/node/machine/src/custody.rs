//! Recovery keys, as far as this node knows that somebody holds them: it asked each with a
//! challenge of its own, and believes only the answer to that (`spec/charter.md`, GOV-54).
//!
//! A key to which everything is backed up and which nobody can use would be found out when it is
//! needed. So nothing is backed up to a key before its holder showed it here, and no motion that
//! enrols one gets this node's vote.

use crate::durable::{Table, Write};
use crate::event::Barrier;
use crate::limits;
use crate::node::{Node, Turn};
use minicbor::{Decode, Encode};
use quorate_charter::{Custodian, Custody, MotionBody, MotionError, Recipient, SignedMotion};
use quorate_client::contract::{CustodianView, CustodyView, ErrorBody, ErrorCode};
use quorate_codec::{Canonical, Digest};
use quorate_engine::{PossessionAnswer as Answer, PossessionChallenge as Challenge, RecoveryKey};
use quorate_identity::{MotionId, Name, RecoveryKeyId, words};
use std::collections::BTreeMap;
use zeroize::Zeroize;

/// What this node asked of recovery keys, and which of them were shown to it.
#[derive(Default)]
pub(crate) struct Possessions(BTreeMap<RecoveryKeyId, Possession>);

/// Its row, by the id of the key.
#[derive(Encode, Decode)]
enum Possession {
    /// The answer is awaited.
    #[n(0)]
    Asked(#[n(0)] Coins),
    /// The answer came.
    #[n(1)]
    Shown,
}

/// 32 random bytes that no one else knows: challenge and answer follow from them. Secret, wiped when
/// dropped.
#[derive(Encode, Decode)]
#[cbor(transparent)]
struct Coins(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

impl Canonical for Possession {
    const BYTES_MAX: usize = 40;
}

impl Drop for Coins {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Possessions {
    /// Reads a row; whether it could be read.
    pub fn load(&mut self, key: &[u8], row: &[u8]) -> bool {
        let key = <[u8; 32]>::try_from(key).ok().map(|key| RecoveryKeyId(Digest(key)));
        let read = key.zip(quorate_codec::from_bytes::<Possession>(row).ok());
        read.map(|(key, possession)| self.0.insert(key, possession)).is_some()
    }

    /// The row that says that a key was shown, by whoever opened this machine's challenge to it.
    pub fn shown(key: &RecoveryKeyId) -> Write {
        possession_row(key, &Possession::Shown)
    }

    fn is_shown(&self, key: &RecoveryKeyId) -> bool {
        matches!(self.0.get(key), Some(Possession::Shown))
    }
}

/// A custodian whom the charter names, or a motion would enrol; or who gets a key, or would.
struct Asked {
    custodian: Custodian,
    /// The motion, if the charter does not name this key.
    proposed: Option<MotionId>,
    /// The key that is given to this one, if it is no custodian's.
    gets: Option<Name>,
}

impl Asked {
    fn recipient(key: &Name, recipient: &Recipient, proposed: Option<MotionId>) -> Self {
        let Recipient { name, key: recovery } = recipient.clone();
        Self { custodian: Custodian::new(name, recovery), proposed, gets: Some(key.clone()) }
    }
}

/// The recipient that a motion names, and the key that they would get.
fn recipient_of(body: &MotionBody) -> Option<(&Name, &Recipient)> {
    match body {
        MotionBody::KeyExport { name, recipient } => Some((name, recipient.as_ref()?)),
        _ => None,
    }
}

impl Node {
    /// Of each recovery key that is enrolled or proposed, whose it is.
    fn asked(&self) -> BTreeMap<RecoveryKeyId, Asked> {
        let of = |custody: &Custody, proposed: Option<MotionId>| -> Vec<_> {
            let one = |custodian: &Custodian| {
                let gets = None;
                (custodian.key_id(), Asked { custodian: custodian.clone(), proposed, gets })
            };
            custody.custodians.iter().map(one).collect()
        };
        let named = |body: &MotionBody, motion: MotionId| match body {
            MotionBody::CustodySet { custody, .. } => of(custody, Some(motion)),
            body => {
                let of_it = recipient_of(body).into_iter();
                let one = |(key, it): (&Name, &Recipient)| {
                    (it.key_id(), Asked::recipient(key, it, Some(motion)))
                };
                of_it.map(one).collect()
            }
        };
        let motions = self.governor.motions();
        let motions = motions.map(|it| named(&it.body().body, it.id()));
        let announced = self.state.announced().map(|it| named(&it.motion.body, it.id));
        let exported = self.state.keys().flat_map(|order| {
            let open = order.open_exports().map(|export| &export.recipient);
            open.map(|it| (it.key_id(), Asked::recipient(&order.name, it, None)))
        });
        // What the charter names comes last, and stays.
        let proposed = motions.chain(announced).flatten();
        proposed.chain(exported).chain(of(self.state.custody(), None)).collect()
    }

    /// Makes a challenge for every recovery key that has none here, and forgets those of keys that
    /// are nobody's any more.
    pub(crate) fn look_at_custody(&mut self, turn: &mut Turn<'_>) {
        let asked = self.asked();
        let gone = self.possessions.0.keys().filter(|key| !asked.contains_key(*key));
        for key in gone.copied().collect::<Vec<_>>() {
            self.possessions.0.remove(&key);
            let row: &[u8] = key.as_ref();
            turn.out.writes.push(Write::delete(Table::Possession, row));
        }
        for key in asked.keys() {
            if !self.possessions.0.contains_key(key) {
                let possession = Possession::Asked(Coins(turn.random_bytes()));
                turn.out.writes.push(possession_row(key, &possession));
                turn.out.barrier = Barrier::Full;
                self.possessions.0.insert(*key, possession);
            }
        }
    }

    /// Custodians whose keys nobody has shown to this node, by name.
    pub(crate) fn unshown_custodians(&self) -> Vec<Name> {
        let custodians = self.state.custody().custodians.iter();
        let open = custodians.filter(|it| !self.possessions.is_shown(&it.key_id()));
        open.map(|custodian| custodian.name.clone()).collect()
    }

    /// Whether each recovery key of a custody was shown to this node: only then it has keys backed up
    /// for it. A key that cannot be read is never shown.
    pub(crate) fn is_shown(&self, custody: &Custody) -> bool {
        custody.custodians.iter().all(|it| self.possessions.is_shown(&it.key_id()))
    }

    /// Whether a recovery key was shown to this node.
    pub(crate) fn is_key_shown(&self, key: &RecoveryKeyId) -> bool {
        self.possessions.is_shown(key)
    }

    /// A motion as it is filed: recovery keys that it enrols can be read.
    pub(crate) fn check_custody_motion(&self, motion: &SignedMotion) -> Result<(), MotionError> {
        let MotionBody::CustodySet { custody, .. } = &motion.body().body else { return Ok(()) };
        let is_custody = |it: &&SignedMotion| {
            it.id() != motion.id() && matches!(it.body().body, MotionBody::CustodySet { .. })
        };
        if self.governor.motions().filter(is_custody).count() >= limits::CUSTODY_MOTIONS_MAX {
            return Err(MotionError::TooMany);
        }
        let is_key = |custodian: &&Custodian| RecoveryKey::from_bytes(&custodian.key).is_ok();
        match custody.custodians.iter().find(|custodian| !is_key(custodian)) {
            None => Ok(()),
            Some(custodian) => {
                let name = custodian.name.clone();
                Err(quorate_charter::CustodyError::Key(name).into())
            }
        }
    }

    /// Somebody brings the answer to this node's challenge to a recovery key.
    pub(crate) fn show_possession(
        &mut self,
        key: RecoveryKeyId,
        answer: &Answer,
        by: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), ErrorBody> {
        let asked = self.asked();
        let known = asked.get(&key).zip(self.possessions.0.get(&key));
        let Some((Asked { custodian, gets, .. }, possession)) = known else {
            let message = "no custodian and no recipient of a key has this recovery key";
            let next = "see whose keys are asked for with `custodian list`";
            return Err(ErrorBody::new(ErrorCode::BadStatement, message, next));
        };
        let Possession::Asked(coins) = possession else { return Ok(()) };
        let expected = self.challenge(custodian, coins).map(|(_, expected)| expected);
        if expected.as_ref() != Some(answer) {
            let message =
                format!("this is not the answer to what this node asked {}", custodian.name);
            let next = "fetch the challenges again and answer all of them";
            return Err(ErrorBody::new(ErrorCode::BadStatement, message, next));
        }
        let name = &custodian.name;
        let who = match gets {
            Some(key) => format!("{name}, to whom key {key} is given,"),
            None => format!("the custodian {name}"),
        };
        let text = format!("the recovery key of {who} was shown, brought by {by}");
        turn.out.writes.push(possession_row(&key, &Possession::Shown));
        turn.out.barrier = Barrier::Full;
        self.possessions.0.insert(key, Possession::Shown);
        self.audit(text, &[], turn);
        self.look_at_keys(turn);
        self.propose_next(turn);
        Ok(())
    }

    fn challenge(&self, custodian: &Custodian, coins: &Coins) -> Option<(Challenge, Answer)> {
        let key = RecoveryKey::from_bytes(&custodian.key).ok()?;
        Challenge::new(self.state.genesis(), self.me, &key, &coins.0)
    }

    /// Who restores what, and what this node asks them to show.
    pub(crate) fn view_custody(&self) -> CustodyView {
        let custody = self.state.custody();
        let view = |(id, Asked { custodian, proposed, gets }): (RecoveryKeyId, Asked)| {
            let key = RecoveryKey::from_bytes(&custodian.key).ok()?;
            let challenge = match self.possessions.0.get(&id)? {
                Possession::Asked(coins) => Some(self.challenge(&custodian, coins)?.0),
                Possession::Shown => None,
            };
            Some(CustodianView {
                name: custodian.name,
                key: id,
                kind: key.kind().to_owned(),
                fingerprint: words(&id.digest()).map(str::to_owned).to_vec(),
                expires_ms: custodian.expires_ms,
                is_shown: challenge.is_none(),
                challenge: challenge.map(|challenge| quorate_codec::to_bytes(&challenge).into()),
                proposed,
                gets,
                drilled_ms: self.drills.of(&id),
            })
        };
        let mut custodians: Vec<CustodianView> =
            self.asked().into_iter().filter_map(view).collect();
        custodians.sort_by(|left, right| left.name.cmp(&right.name));
        CustodyView {
            genesis: self.state.genesis(),
            node: self.me,
            digest: self.state.custody_digest(),
            seats: custody.seats.clone(),
            keys: custody.keys.clone(),
            custodians,
            excepted: self.state.excepted().iter().cloned().collect(),
            drills: self.view_drills(),
        }
    }
}

fn possession_row(key: &RecoveryKeyId, possession: &Possession) -> Write {
    let row: &[u8] = key.as_ref();
    Write::put(Table::Possession, row, quorate_codec::to_bytes(possession))
}

//! A bad share: the receiver reveals the one key under which this dealer sealed for it, and
//! everybody opens what the dealer sealed (DEAL-19, DEAL-20).

use super::{Place, Signatures, Signed};
use crate::deal::VERSION;
use crate::deal::round1::{Message1, sid};
use crate::deal::round2::{Dealing2, Message2};
use crate::seal::{SealKey, Slot, shares_of};
use crate::{DealError, Terms};
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use quorate_access::limits::PARTIES_MAX;
use quorate_codec::{Canonical, Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_curve::Curve;
use quorate_identity::NodeId;
use quorate_sharing::Commitments;
use std::collections::BTreeMap;
use std::fmt;

/// A receiver's complaint about one dealer. Holds the key under which this dealer, and nobody
/// else, sealed for this receiver in this run. Secret until it is sent, public then: it opens
/// what the accused dealer dealt to the complainer, and nothing else. Printed without the key.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Complaint {
    /// 1.
    #[n(0)]
    version: u8,
    /// The run.
    #[n(1)]
    sid: Digest,
    /// The accused.
    #[n(2)]
    dealer: NodeId,
    /// H(deal/complaint; the second message of the dealer, as the complainer received it): a
    /// dealer that signed another one too cannot make the complaint look false.
    #[n(3)]
    message: Digest,
    /// The secret key.
    #[n(4)]
    key: ByteArray<32>,
}

impl Canonical for Complaint {
    const BYTES_MAX: usize = 2 + 4 * 34;
}

/// A complaint with everything that it takes to judge it: an object that stands for itself.
/// Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Accusation {
    /// 1.
    #[n(0)]
    pub version: u8,
    /// The first message of every participant, in the order of their ids. Their hash is what the
    /// dealer echoed and the complainer names, so their signatures are not needed.
    #[n(1)]
    pub firsts: Vec<(NodeId, ByteVec)>,
    /// The accused.
    #[n(2)]
    pub dealer: NodeId,
    /// Its second message.
    #[n(3)]
    pub second: Signed,
    /// Who complains.
    #[n(4)]
    pub complainer: NodeId,
    /// The complaint.
    #[n(5)]
    pub complaint: Signed,
}

impl Canonical for Accusation {
    const BYTES_MAX: usize = 4096
        + PARTIES_MAX * (40 + Message1::BYTES_MAX)
        + Message2::BYTES_MAX
        + Complaint::BYTES_MAX;
}

/// Who deviated from the protocol. One of the two did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The dealer: what it signed is not a dealing, or what it sealed is not what it committed
    /// to.
    Dealer(NodeId),
    /// The complainer: everything that the dealer sealed for it opens to the committed shares,
    /// or the key that it reveals is not the one that it announced.
    Complainer(NodeId),
}

impl Verdict {
    /// Who it was.
    pub fn guilty(&self) -> NodeId {
        match self {
            Self::Dealer(guilty) | Self::Complainer(guilty) => *guilty,
        }
    }
}

/// An accusation that proves nothing about anybody: whoever put it together left out or mixed up
/// what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The accusation is of a form that this version does not know.
    #[error("an accusation of another version")]
    Version,
    /// The accused does not deal, or the complainer does not receive, in this run.
    #[error("not a dealer and a receiver of this run")]
    Roles,
    /// The second message or the complaint is not signed by its author for this run.
    #[error("a signature does not hold")]
    Signature,
    /// Not a first message of every participant, each of its form.
    #[error("not the first messages of a run")]
    Firsts,
    /// The first messages are not those that both saw, or the second message is not the one that
    /// the complaint is about.
    #[error("the messages are of different runs")]
    Run,
    /// The messages show no fault of anybody that they prove.
    #[error("the messages show nobody's fault")]
    Nobody,
}

impl Complaint {
    /// About the `message` of `dealer`, which `key` opens.
    pub(crate) fn new(sid: Digest, dealer: NodeId, message: &[u8], key: &SealKey) -> Self {
        let message = digest_of(message);
        Self { version: 1, sid, dealer, message, key: (*key.to_bytes()).into() }
    }

    /// The accused.
    pub fn dealer(&self) -> NodeId {
        self.dealer
    }

    /// The bytes to sign and send, for [`Place::Complaint`]. They reveal the key.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(self)
    }
}

impl fmt::Debug for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Complaint({}, {})", self.sid, self.dealer)
    }
}

impl Accusation {
    /// The version that [`Self::judge`] knows.
    const VERSION: u8 = 1;

    /// That `complainer`, who signed `complaint`, was sent something bad by `dealer`, who signed
    /// `second`, in the run of these first messages.
    pub fn new(
        firsts: &BTreeMap<NodeId, Vec<u8>>,
        (dealer, second): (NodeId, Signed),
        (complainer, complaint): (NodeId, Signed),
    ) -> Self {
        let firsts = firsts.iter().map(|(from, first)| (*from, first.clone().into())).collect();
        Self { version: Self::VERSION, firsts, dealer, second, complainer, complaint }
    }

    /// Who of the two is guilty in the run with these terms. Depends on nothing but the
    /// arguments: everybody comes to the same verdict, at any time (DEAL-20).
    ///
    /// An honest dealer is never found guilty, because what it seals under the keys that were
    /// announced opens to what it committed to; nor is an honest complainer.
    ///
    /// Cost: one multiplication of G for each secret and leaf of the complainer.
    ///
    /// # Errors
    /// [`Unproven`]: nothing is proven about either.
    pub fn judge<C: Curve>(
        &self,
        terms: &Terms<C>,
        signatures: &impl Signatures,
    ) -> Result<Verdict, Unproven> {
        if self.version != Self::VERSION {
            return Err(Unproven::Version);
        }
        let position = terms.dealers().iter().position(|dealer| *dealer == self.dealer);
        let position = position.filter(|_| terms.receivers.contains(&self.complainer));
        let position = position.filter(|_| terms.check().is_ok()).ok_or(Unproven::Roles)?;
        if !signatures.hold(&self.dealer, Place::Message2, &self.second)
            || !signatures.hold(&self.complainer, Place::Complaint, &self.complaint)
        {
            return Err(Unproven::Signature);
        }
        let digest = terms.digest();
        let firsts = self.firsts(terms).ok_or(Unproven::Firsts)?;
        let sid = sid(&digest, &firsts);
        let complaint = from_bytes::<Complaint>(&self.complaint.bytes).ok();
        let Some(complaint) = complaint.filter(|complaint| complaint.version == 1) else {
            return Ok(Verdict::Complainer(self.complainer));
        };
        if complaint.sid != sid
            || complaint.dealer != self.dealer
            || complaint.message != digest_of(&self.second.bytes)
        {
            return Err(Unproven::Run);
        }
        let second = from_bytes::<Message2>(&self.second.bytes).ok();
        let Some(second) = second.filter(|second| second.version == VERSION) else {
            return Ok(Verdict::Dealer(self.dealer));
        };
        if second.echo != sid {
            return Err(Unproven::Run);
        }
        let opens = |dealing: &Dealing2| {
            let first = firsts.get(&self.dealer);
            first.is_some_and(|first| dealing.opens(&digest, &self.dealer, first))
        };
        let dealing =
            second.dealing.filter(|dealing| dealing.fits(terms)).filter(|dealing| opens(dealing));
        let commitments = dealing.as_ref().and_then(|dealing| dealing.read(terms));
        let Some((dealing, commitments)) = dealing.as_ref().zip(commitments) else {
            return Ok(Verdict::Dealer(self.dealer));
        };
        let announced =
            firsts.get(&self.complainer).and_then(|first| first.seal_keys.get(position));
        let key = SealKey::from_bytes(&complaint.key);
        let Some(key) = key.filter(|key| Some(&key.public()) == announced) else {
            return Ok(Verdict::Complainer(self.complainer));
        };
        if self.opens_to(terms, &sid, &key, dealing, &commitments) {
            Ok(Verdict::Complainer(self.complainer))
        } else {
            Ok(Verdict::Dealer(self.dealer))
        }
    }

    /// Whether every share that was sealed for the complainer opens to the committed one.
    fn opens_to<C: Curve>(
        &self,
        terms: &Terms<C>,
        sid: &Digest,
        key: &SealKey,
        dealing: &Dealing2,
        commitments: &[Commitments<C>],
    ) -> bool {
        let rows = terms.rows();
        let sealed = rows.iter().zip(&dealing.sealed);
        let mut own = sealed.filter(|(row, _)| *row.party == self.complainer);
        own.all(|(row, sealed)| {
            let slot =
                Slot { sid: *sid, dealer: self.dealer, receiver: self.complainer, leaf: row.leaf };
            let opened = key.open(&slot, sealed);
            let shares = opened.and_then(|opened| shares_of::<C>(&opened, commitments.len()));
            shares.is_some_and(|shares| {
                let mut pairs = shares.iter().zip(commitments);
                pairs.all(|(share, key)| share.commit() == key.leaf(row))
            })
        })
    }

    /// The first messages, if they are those of a run.
    fn firsts<C: Curve>(&self, terms: &Terms<C>) -> Option<BTreeMap<NodeId, Message1>> {
        let ascending = self.firsts.is_sorted_by(|(one, _), (next, _)| one < next);
        let bytes = self.firsts.iter().map(|(from, bytes)| (*from, bytes.as_slice()));
        ascending.then(|| read_firsts(terms, bytes).ok()).flatten()
    }
}

/// First messages of exactly the participants, each of the form that its roles demand.
pub(super) fn read_firsts<'a, C: Curve>(
    terms: &Terms<C>,
    messages: impl Iterator<Item = (NodeId, &'a [u8])>,
) -> Result<BTreeMap<NodeId, Message1>, DealError> {
    let messages = messages.map(|(from, bytes)| (from, bytes.to_vec())).collect();
    crate::deal::round1::read_firsts(terms, &messages)
}

/// What a complaint says of the message that it is about.
fn digest_of(message: &[u8]) -> Digest {
    Transcript::new(tag::DEAL_COMPLAINT).part(message).digest()
}

//! Proof that a custodian holds the private half of its recovery key.
//!
//! ```text
//!  node                                   custodian
//!  Challenge::new(coins) ── Challenge ──► answer ── Answer ──►  == the Answer that it made itself
//! ```
//!
//! Every node makes a challenge of its own and believes only the answer to that. What leaves the
//! custodian is a hash, of no use but for this: offered a piece of a real backup, it gives nothing by
//! which the backup opens (N-83).
//!
//! What this does not do: it says that whoever answered has the key, not who that is.

use crate::key::{Ephemerals, Opener, RecoveryKey, SENT_BYTES_MAX, Shared};
use crate::limits::NODES_MAX;
use crate::part::counted;
use crate::sealing::SealingKey;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};
use quorate_codec::{Canonical, Transcript, tag};
use quorate_identity::{GenesisHash, Name, NodeId, RecoveryKeyId};
use std::collections::BTreeMap;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What one node sends to a recovery key, for its holder to open (BAK-20). Public.
///
/// 32 bytes for X25519, 33 for P-256, 1120 for hybrid keys, as many as the modulus for RSA. Whether it
/// fits its key is seen when it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Challenge(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>);

/// What only the holder of the key, and the node that asked, can compute of a challenge: 32 bytes
/// (BAK-21). Secret until it is given, for whoever has it passes for the holder before this one node;
/// wiped when dropped, compared in constant time, printed as nothing.
#[derive(Clone, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(transparent)]
pub struct Answer(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

impl Challenge {
    /// A node's challenge to a key, and the answer that the node will believe. Both follow from 32
    /// uniform secret bytes (BAK-20), so that a node which keeps these can make them again; the caller
    /// wipes them, and takes fresh ones for another proof. `None` if nothing can be encrypted to the
    /// key, which no key that exists is known to be.
    ///
    /// Cost: one encapsulation.
    pub fn new(
        genesis: GenesisHash,
        node: NodeId,
        key: &RecoveryKey,
        coins: &[u8; 32],
    ) -> Option<(Self, Answer)> {
        let (challenge, shared) = Self::carrying(genesis, node, key, coins)?;
        let answer = Answer::new(genesis, node, key.id(), challenge.sent(), &shared);
        Some((challenge, answer))
    }

    /// A challenge, and the secret that it carries to the holder of the key.
    pub(crate) fn carrying(
        genesis: GenesisHash,
        node: NodeId,
        key: &RecoveryKey,
        coins: &[u8; 32],
    ) -> Option<(Self, Shared)> {
        let name = key.id();
        let coins = |purpose: &str| {
            let coins = Transcript::new(tag::POSSESSION_COINS).part(coins).part(genesis).part(node);
            Zeroizing::new(coins.part(name).part(purpose).digest().0)
        };
        let (sent, shared) = encapsulated(key, coins)?;
        Some((Self(sent), shared))
    }

    /// The secret that it carries, for the holder of the key; `None` if it is not well-formed for this
    /// kind of key, whose device then never sees it (BAK-22), or does not open.
    pub(crate) fn opened<O: Opener>(&self, opener: &O) -> Result<Option<Shared>, O::Error> {
        match opener.public().takes(self.sent()) {
            true => opener.open(self.sent()),
            false => Ok(None),
        }
    }

    /// What is sent.
    pub(crate) fn sent(&self) -> &[u8] {
        &self.0
    }
}

/// What is sent to one key alone, and the secret that it carries, from coins for each purpose.
pub(crate) fn encapsulated(
    key: &RecoveryKey,
    coins: impl Fn(&str) -> Zeroizing<[u8; 32]>,
) -> Option<(Vec<u8>, Shared)> {
    let ephemerals = Ephemerals::new(&coins("ephemerals"));
    let (own, shared) = SealingKey::new(key).encapsulate(&ephemerals, &coins("own"))?;
    Some((key.ephemeral().map_or(own, |kind| ephemerals.public(kind)), shared))
}

/// What the holder of a key answers to the challenge of a node; `None` if the challenge is not
/// well-formed for this kind of key, whose device then never sees it (BAK-22), or does not open: the
/// fault of whoever made it.
///
/// # Errors
/// The device's.
pub fn answer<O: Opener>(
    opener: &O,
    genesis: GenesisHash,
    node: NodeId,
    challenge: &Challenge,
) -> Result<Option<Answer>, O::Error> {
    let shared = challenge.opened(opener)?;
    let key = opener.public().id();
    Ok(shared.map(|shared| Answer::new(genesis, node, key, challenge.sent(), &shared)))
}

impl Canonical for Challenge {
    const BYTES_MAX: usize = SENT_BYTES_MAX + 3;
}

impl Answer {
    fn new(
        genesis: GenesisHash,
        node: NodeId,
        key: RecoveryKeyId,
        sent: &[u8],
        shared: &Shared,
    ) -> Self {
        let asked = Transcript::new(tag::POSSESSION).part(genesis).part(node).part(key);
        Self(asked.part(sent).part(shared.as_ref()).digest().0)
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Answer {}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Answer")
    }
}

impl Canonical for Answer {
    const BYTES_MAX: usize = 34;
}

/// The challenges of several nodes to one custodian, as a file that is carried to where its key is
/// (BAK-23). Public, and not signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Challenges {
    #[n(0)]
    version: Version,
    #[n(1)]
    genesis: GenesisHash,
    #[n(2)]
    custodian: Name,
    #[n(3)]
    key: RecoveryKeyId,
    #[n(4)]
    challenges: OfNodes<Challenge>,
}

/// The answers of one custodian, as a file that is carried back (BAK-23). To be given to the nodes
/// that asked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Answers {
    #[n(0)]
    version: Version,
    #[n(1)]
    genesis: GenesisHash,
    #[n(2)]
    key: RecoveryKeyId,
    #[n(3)]
    answers: OfNodes<Answer>,
}

impl Challenges {
    /// What these nodes of a domain ask the custodian who is enrolled with a key. `None` if nobody
    /// asks, more than [`NODES_MAX`] do, or a node asks twice: the caller's fault.
    pub fn new(
        genesis: GenesisHash,
        custodian: Name,
        key: RecoveryKeyId,
        challenges: impl IntoIterator<Item = (NodeId, Challenge)>,
    ) -> Option<Self> {
        let challenges = OfNodes::new(challenges)?;
        Some(Self { version: Version, genesis, custodian, key, challenges })
    }

    /// The domain that asks.
    pub fn genesis(&self) -> GenesisHash {
        self.genesis
    }

    /// The custodian's name in the domain.
    pub fn custodian(&self) -> &Name {
        &self.custodian
    }

    /// The key that is to be shown.
    pub fn key(&self) -> RecoveryKeyId {
        self.key
    }

    /// Nodes and what each asks, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Challenge)> {
        self.challenges.0.iter().map(|(node, challenge)| (*node, challenge))
    }

    /// What the holder of the key answers to every node. A node whose challenge does not open is left
    /// out, as it may have made it so; `None` if that leaves nobody, or another key is asked for.
    ///
    /// # Errors
    /// The device's, if it opened nothing at all.
    pub fn answer<O: Opener>(&self, opener: &O) -> Result<Option<Answers>, O::Error> {
        if opener.public().id() != self.key {
            return Ok(None);
        }
        let (mut answers, mut failed) = (BTreeMap::new(), None);
        for (node, challenge) in self.iter() {
            match answer(opener, self.genesis, node, challenge) {
                Ok(Some(answer)) => drop(answers.insert(node, answer)),
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if answers.is_empty() => Err(error),
            _ => Ok(Answers::new(self.genesis, self.key, answers)),
        }
    }
}

impl Answers {
    /// Answers to these nodes of a domain. `None` if there are none, more than [`NODES_MAX`], or two
    /// to one node: the caller's fault.
    pub fn new(
        genesis: GenesisHash,
        key: RecoveryKeyId,
        answers: impl IntoIterator<Item = (NodeId, Answer)>,
    ) -> Option<Self> {
        Some(Self { version: Version, genesis, key, answers: OfNodes::new(answers)? })
    }

    /// The domain that asked, as this file says.
    pub fn genesis(&self) -> GenesisHash {
        self.genesis
    }

    /// The key that is shown, as this file says.
    pub fn key(&self) -> RecoveryKeyId {
        self.key
    }

    /// What is for this node.
    pub fn to(&self, node: &NodeId) -> Option<&Answer> {
        self.answers.0.get(node)
    }

    /// Nodes and what each is answered, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Answer)> {
        self.answers.0.iter().map(|(node, answer)| (*node, answer))
    }
}

impl Canonical for Challenges {
    const BYTES_MAX: usize =
        HEAD_BYTES_MAX + Name::BYTES_MAX + NODES_MAX * (NODE_BYTES_MAX + Challenge::BYTES_MAX);
}

impl Canonical for Answers {
    const BYTES_MAX: usize = HEAD_BYTES_MAX + NODES_MAX * (NODE_BYTES_MAX + Answer::BYTES_MAX);
}

/// Version, two hashes and the heads of lists.
const HEAD_BYTES_MAX: usize = 2 + 34 + 34 + 3;

/// A node with the head of its pair.
const NODE_BYTES_MAX: usize = 1 + 34;

/// 1, and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version;

impl<X> Encode<X> for Version {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut X,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.u8(1)?.ok()
    }
}

impl<'b, X> Decode<'b, X> for Version {
    fn decode(decoder: &mut Decoder<'b>, _: &mut X) -> Result<Self, DecodeError> {
        match decoder.u32()? {
            1 => Ok(Self),
            other => Err(DecodeError::message(format!("version {other}, known is 1"))),
        }
    }
}

/// Something for each of at least one node and at most [`NODES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
struct OfNodes<T>(BTreeMap<NodeId, T>);

impl<T> OfNodes<T> {
    fn new(all: impl IntoIterator<Item = (NodeId, T)>) -> Option<Self> {
        let (mut kept, mut given) = (BTreeMap::new(), 0);
        for (node, each) in all.into_iter().take(NODES_MAX + 1) {
            kept.insert(node, each);
            given += 1;
        }
        ((1..=NODES_MAX).contains(&given) && kept.len() == given).then_some(Self(kept))
    }
}

impl<X, T: Encode<X>> Encode<X> for OfNodes<T> {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut X,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.array(self.0.len() as u64)?;
        self.0.iter().try_for_each(|pair| pair.encode(encoder, context))
    }
}

impl<'b, X, T: Decode<'b, X>> Decode<'b, X> for OfNodes<T> {
    fn decode(decoder: &mut Decoder<'b>, context: &mut X) -> Result<Self, DecodeError> {
        let count = counted(decoder, NODES_MAX)?;
        let pairs: Vec<(NodeId, T)> =
            (0..count).map(|_| Decode::decode(decoder, context)).collect::<Result<_, _>>()?;
        // Another order than the ascending one is none of ours to encode.
        Self::new(pairs).ok_or_else(|| DecodeError::message("no nodes, or one twice"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SoftKey, SoftKind};
    use quorate_codec::{Digest, from_bytes, to_bytes};

    const GENESIS: GenesisHash = GenesisHash(Digest([1; 32]));
    const NODE: NodeId = NodeId(Digest([2; 32]));
    const COINS: [u8; 32] = [3; 32];
    const KINDS: [SoftKind; 3] = [SoftKind::Hybrid, SoftKind::X25519, SoftKind::P256];

    fn key(kind: SoftKind, seed: u8) -> SoftKey {
        SoftKey::from_seed(kind, &[seed; 32])
    }

    fn asked(key: &SoftKey) -> (Challenge, Answer) {
        Challenge::new(GENESIS, NODE, key.public(), &COINS).unwrap()
    }

    fn answered(
        key: &SoftKey,
        genesis: GenesisHash,
        node: NodeId,
        challenge: &Challenge,
    ) -> Option<Answer> {
        answer(key, genesis, node, challenge).unwrap_or_else(|never| match never {})
    }

    /// BAK-20: a node that kept its coins asks the same again and expects the same.
    #[test]
    fn whoever_holds_the_key_answers_what_the_node_expects_also_after_a_restart() {
        for kind in KINDS {
            let key = key(kind, 7);
            let (challenge, expected) = asked(&key);
            assert_eq!(challenge, asked(&key).0);
            let read: Challenge = from_bytes(&to_bytes(&challenge)).unwrap();
            assert_eq!(answered(&key, GENESIS, NODE, &read), Some(expected));
        }
    }

    /// BAK-20, BAK-21: coins, domain, node and key are in what is sent and in the answer.
    #[test]
    fn neg_019_an_answer_serves_one_node_of_one_domain_for_one_key_and_one_challenge() {
        let (elsewhere, other) = (GenesisHash(Digest([9; 32])), NodeId(Digest([9; 32])));
        for kind in KINDS {
            let (right, wrong) = (key(kind, 7), key(kind, 8));
            let (challenge, expected) = asked(&right);
            let from = |genesis, node, coins| {
                Challenge::new(genesis, node, right.public(), &[coins; 32]).unwrap().0
            };
            assert_eq!(answered(&right, GENESIS, NODE, &challenge).as_ref(), Some(&expected));
            for (what, answer) in [
                ("another key", answered(&wrong, GENESIS, NODE, &challenge)),
                ("another domain", answered(&right, elsewhere, NODE, &challenge)),
                ("another node", answered(&right, GENESIS, other, &challenge)),
                ("other coins", answered(&right, GENESIS, NODE, &from(GENESIS, NODE, 4))),
                ("a challenge of another domain", {
                    answered(&right, GENESIS, NODE, &from(elsewhere, NODE, 3))
                }),
                ("a challenge of another node", {
                    answered(&right, GENESIS, NODE, &from(GENESIS, other, 3))
                }),
            ] {
                assert_ne!(answer, Some(expected.clone()), "{what}");
                assert!(answer.is_some(), "{what} opens");
            }
        }
    }

    /// BAK-22: whatever is changed in what is sent, nobody answers as expected.
    #[test]
    fn a_flipped_byte_has_another_answer_or_none() {
        for kind in KINDS {
            let key = key(kind, 7);
            let (Challenge(sent), expected) = asked(&key);
            for at in (0..sent.len()).step_by(1 + sent.len() / 40) {
                let mut changed = sent.clone();
                changed[at] ^= 0x10;
                let answer = answered(&key, GENESIS, NODE, &Challenge(changed));
                assert_ne!(answer, Some(expected.clone()), "{at}");
            }
        }
    }

    /// BAK-10, BAK-22: what is not of the key's kind, or nothing for a device, never reaches it.
    #[test]
    fn neg_086_what_is_malformed_never_reaches_the_device() {
        struct Untouched(SoftKey);
        impl Opener for Untouched {
            type Error = &'static str;
            fn public(&self) -> &RecoveryKey {
                self.0.public()
            }
            fn open(&self, _: &[u8]) -> Result<Option<Shared>, &'static str> {
                Err("asked")
            }
        }
        let of_small_order = [[0; 32].as_slice(), &[&[1], [0; 31].as_slice()].concat()];
        let not_reduced = [[0xff; 31].as_slice(), &[0x7f]].concat();
        for kind in KINDS {
            let device = Untouched(key(kind, 7));
            let (Challenge(sent), _) = asked(&device.0);
            let with_coordinate =
                |last: &[u8]| [&sent[..sent.len().saturating_sub(32)], last].concat();
            let mut bad = vec![Vec::new(), sent[1..].to_vec(), [&sent[..], &[0]].concat()];
            bad.extend(KINDS.into_iter().filter(|other| *other != kind).map(|kind| {
                let (Challenge(sent), _) = asked(&key(kind, 7));
                sent
            }));
            match kind {
                SoftKind::Hybrid | SoftKind::X25519 => {
                    bad.extend(of_small_order.map(with_coordinate));
                    bad.push(with_coordinate(&not_reduced));
                }
                SoftKind::P256 => bad.push([&[4], &sent[1..]].concat()),
            }
            for (number, bad) in bad.into_iter().enumerate() {
                let answer = answer(&device, GENESIS, NODE, &Challenge(bad));
                assert_eq!(answer, Ok(None), "{kind:?} {number}");
            }
            let answer = answer(&device, GENESIS, NODE, &Challenge(sent));
            assert_eq!(answer, Err("asked"), "what is well-formed does");
        }
    }

    fn nodes(count: u16) -> impl Iterator<Item = NodeId> + Clone {
        let node = |number: u16| {
            let [high, low] = number.to_be_bytes();
            NodeId(Digest(std::array::from_fn(|at| [high, low].get(at).copied().unwrap_or(0))))
        };
        (0..count).map(node)
    }

    fn file(key: &SoftKey, asking: impl Iterator<Item = NodeId>) -> Option<Challenges> {
        let all = asking
            .map(|node| (node, Challenge::new(GENESIS, node, key.public(), &COINS).unwrap().0));
        Challenges::new(GENESIS, "vault".parse().unwrap(), key.public().id(), all)
    }

    /// BAK-23: the way there and back as files, with as many nodes as there can be.
    #[test]
    fn a_custodian_answers_all_nodes_at_once() {
        let key = key(SoftKind::Hybrid, 7);
        let file = file(&key, nodes(64)).unwrap();
        let read: Challenges = from_bytes(&to_bytes(&file)).unwrap();
        assert_eq!(read, file);
        let answers = read.answer(&key).unwrap_or_else(|never| match never {}).unwrap();
        let answers: Answers = from_bytes(&to_bytes(&answers)).unwrap();
        assert_eq!((answers.genesis(), answers.key()), (GENESIS, key.public().id()));
        for node in nodes(64) {
            let (_, expected) = Challenge::new(GENESIS, node, key.public(), &COINS).unwrap();
            assert_eq!(answers.to(&node), Some(&expected));
        }
        assert_eq!(answers.iter().count(), 64);
    }

    #[test]
    fn a_node_that_asks_nonsense_hinders_no_other_and_another_key_answers_nobody() {
        let (right, wrong) = (key(SoftKind::X25519, 7), key(SoftKind::X25519, 8));
        let with = |challenges: Vec<(NodeId, Challenge)>| {
            let name = "vault".parse().unwrap();
            let file = Challenges::new(GENESIS, name, right.public().id(), challenges).unwrap();
            move |key: &SoftKey| file.answer(key).unwrap_or_else(|never| match never {})
        };
        let nonsense = Challenge(vec![0; 32]);
        let some = with(vec![(NODE, asked(&right).0), (NodeId(Digest([9; 32])), nonsense.clone())]);
        let answers = some(&right).unwrap();
        assert_eq!(answers.iter().collect::<Vec<_>>(), [(NODE, &asked(&right).1)]);
        assert_eq!(some(&wrong), None);
        assert_eq!(with(vec![(NODE, nonsense)])(&right), None);
    }

    /// BAK-23: a file has one form.
    #[test]
    fn neg_010_015_files_of_nobody_of_too_many_or_in_another_order_are_refused() {
        let key = key(SoftKind::X25519, 7);
        assert_eq!(file(&key, nodes(0)), None);
        assert_eq!(file(&key, nodes(65)), None);
        assert_eq!(file(&key, nodes(2).chain(nodes(1))), None);

        // Three pairs of 69 bytes: a head, an id of 34, a challenge of 34.
        let bytes = to_bytes(&file(&key, nodes(3)).unwrap());
        let (head, pairs) = bytes.split_at(bytes.len() - 3 * 69);
        let [first, second, third] = [0, 1, 2].map(|at| &pairs[69 * at..69 * (at + 1)]);
        let read = |count: u8, pairs: &[&[u8]]| {
            let head = &head[..head.len() - 1];
            from_bytes::<Challenges>(&[head, &[0x80 | count], &pairs.concat()].concat())
        };
        assert!(read(3, &[first, second, third]).is_ok());
        for (what, count, pairs) in [
            ("nobody", 0, vec![]),
            ("another order", 3, vec![second, first, third]),
            ("one twice", 3, vec![first, second, second]),
            ("more than are there", 3, vec![first, second]),
            ("fewer than are there", 2, vec![first, second, third]),
        ] {
            assert!(read(count, &pairs).is_err(), "{what}");
        }
        let mut later = bytes.clone();
        assert_eq!(later[..2], [0x85, 1]);
        later[1] = 2;
        let refused = from_bytes::<Challenges>(&later).unwrap_err().to_string();
        assert!(refused.contains("version 2"), "{refused}");
        assert!(from_bytes::<Answers>(&bytes).is_err());
    }

    #[test]
    fn neg_077_an_answer_prints_as_nothing() {
        assert_eq!(format!("{:?}", asked(&key(SoftKind::X25519, 7)).1), "Answer");
    }
}

//! How what a custodian opened reaches the machine that it is for (BAK-30 to BAK-33).
//!
//! ```text
//!  new machine                                        custodian
//!  one-time key ─────────────────────────────────────► arrival ──┐
//!  ask(coins) ── Challenge ──────────────────────────► bond ─────┤
//!      └── Bond ──┐                                              ▼
//!  part ◄── open ─┴──────────────── sealed bytes ◄────────────── seal ◄── part
//! ```
//!
//! Only the holder of the one-time key opens it, and only who holds the custodian's key, or the
//! machine itself, can make something that opens: so a part is the custodian's, without a signature,
//! which recovery keys cannot make.
//!
//! What this does not do: it says nothing of who gave the one-time key its part in a domain.

use crate::key::{Ephemeral, Opener, RecoveryKey, Shared, SoftKey};
use crate::possession::{Challenge, encapsulated};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{GenesisHash, NodeId, RecoveryKeyId};
use rand_core::CryptoRngCore;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What a custodian and the machine that asked it have in common, and nobody else: 32 bytes, by
/// which the machine knows whose part it is (BAK-30). Secret, wiped when dropped, printed as
/// nothing.
///
/// It is another hash than the [`Answer`](crate::possession::Answer) to the same challenge: that
/// travels in the open, and whoever brought a custodian to answer a challenge would else be able to
/// speak for it here.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Bond([u8; 32]);

impl Bond {
    fn new(
        genesis: GenesisHash,
        node: NodeId,
        key: RecoveryKeyId,
        asked: &Challenge,
        shared: &Shared,
    ) -> Self {
        let bond = Transcript::new(tag::HANDING_BOND).part(genesis).part(node).part(key);
        Self(bond.part(asked.sent()).part(shared.as_ref()).digest().0)
    }
}

impl fmt::Debug for Bond {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Bond")
    }
}

/// What the machine that is to be this node asks the holder of a recovery key, and the bond that
/// follows. Both follow from 32 uniform secret bytes, and the challenge is the one that
/// [`Challenge::new`] makes of the same; the caller wipes them, and takes fresh ones for another
/// machine. `None` if nothing can be encrypted to the key, which no key that exists is known to be.
///
/// Cost: one encapsulation.
pub fn ask(
    genesis: GenesisHash,
    node: NodeId,
    key: &RecoveryKey,
    coins: &[u8; 32],
) -> Option<(Challenge, Bond)> {
    let (asked, shared) = Challenge::carrying(genesis, node, key, coins)?;
    let bond = Bond::new(genesis, node, key.id(), &asked, &shared);
    Some((asked, bond))
}

/// The bond with the machine that asked this of the holder of a key; `None` if the challenge is not
/// well-formed for this kind of key, whose device then never sees it (BAK-22), or does not open: the
/// fault of whoever made it. Asked something that was meant for another key, many kinds of keys find
/// a bond that nobody else has.
///
/// # Errors
/// The device's.
pub fn bond<O: Opener>(
    opener: &O,
    genesis: GenesisHash,
    node: NodeId,
    asked: &Challenge,
) -> Result<Option<Bond>, O::Error> {
    let shared = asked.opened(opener)?;
    let key = opener.public().id();
    Ok(shared.map(|shared| Bond::new(genesis, node, key, asked, &shared)))
}

/// Seals a secret for the holder of a one-time key and of the bond (BAK-31, BAK-32). `context` says
/// what it is for and from whom: under another one it does not open. As long as the secret and
/// [`overhead`] bytes; `None` if nothing can be encrypted to the key, which no key that exists is
/// known to be.
///
/// Cost: one encapsulation.
pub fn seal(
    rng: &mut impl CryptoRngCore,
    arrival: &RecoveryKey,
    bond: &Bond,
    context: &Digest,
    secret: &[u8],
) -> Option<Vec<u8>> {
    let mut fresh = Zeroizing::new([0; 32]);
    rng.fill_bytes(fresh.as_mut());
    // Of all that is sealed too: should the source of chance repeat itself, no key serves twice.
    let coins = Transcript::new(tag::HANDING_COINS).part(fresh.as_ref()).part(arrival.id());
    let coins = coins.part(context).part(bond.0).part(secret);
    let coins = |purpose: &str| Zeroizing::new(coins.clone().part(purpose).digest().0);
    let (sent, shared) = encapsulated(arrival, coins)?;
    let cipher = cipher(arrival.id(), bond, context, &sent, &shared);
    // Room for all of it, so that it does not move while it is plain.
    let mut buffer = Zeroizing::new(Vec::with_capacity(secret.len() + TAG_BYTES));
    buffer.extend_from_slice(secret);
    cipher.encrypt_in_place(&Nonce::default(), context.as_ref(), &mut *buffer).ok()?;
    Some([sent.as_slice(), &buffer].concat())
}

/// Opens what was sealed (BAK-33). `None` for everything else, whatever is wrong: another key, bond
/// or context, or bytes that were changed.
pub fn open(
    arrival: &SoftKey,
    bond: &Bond,
    context: &Digest,
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let key = arrival.public();
    let (sent, sealed) = sealed.split_at_checked(sent_bytes(key))?;
    if !key.takes(sent) {
        return None;
    }
    let Ok(shared) = arrival.open(sent);
    let cipher = cipher(key.id(), bond, context, sent, &shared?);
    let mut buffer = Zeroizing::new(sealed.to_vec());
    cipher.decrypt_in_place(&Nonce::default(), context.as_ref(), &mut *buffer).ok()?;
    Some(buffer)
}

/// How much longer than a secret it is when it is sealed to this key.
pub fn overhead(arrival: &RecoveryKey) -> usize {
    sent_bytes(arrival) + TAG_BYTES
}

/// The tag of Poly1305.
const TAG_BYTES: usize = 16;

/// Length of what is sent to a key that shares with no other.
fn sent_bytes(key: &RecoveryKey) -> usize {
    key.ephemeral().map_or(key.own_bytes(), Ephemeral::bytes)
}

/// Its key serves once, so the nonce is zero (BAK-32, N-26).
fn cipher(
    arrival: RecoveryKeyId,
    bond: &Bond,
    context: &Digest,
    sent: &[u8],
    shared: &Shared,
) -> ChaCha20Poly1305 {
    let key = Transcript::new(tag::HANDING_KEY).part(arrival).part(context).part(sent);
    let key = Zeroizing::new(key.part(shared.as_ref()).part(bond.0).digest().0);
    ChaCha20Poly1305::new(&Key::from(*key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SoftKind;
    use crate::possession::answer;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    const GENESIS: GenesisHash = GenesisHash(Digest([1; 32]));
    const NODE: NodeId = NodeId(Digest([2; 32]));
    const CONTEXT: Digest = Digest([3; 32]);
    const COINS: [u8; 32] = [4; 32];
    const KINDS: [SoftKind; 3] = [SoftKind::Hybrid, SoftKind::X25519, SoftKind::P256];

    fn key(kind: SoftKind, seed: u8) -> SoftKey {
        SoftKey::from_seed(kind, &[seed; 32])
    }

    fn asked(key: &SoftKey) -> (Challenge, Bond) {
        ask(GENESIS, NODE, key.public(), &COINS).unwrap()
    }

    fn bound(key: &SoftKey, genesis: GenesisHash, node: NodeId, asked: &Challenge) -> Option<Bond> {
        bond(key, genesis, node, asked).unwrap_or_else(|never| match never {})
    }

    fn sealed(to: &SoftKey, bond: &Bond, secret: &[u8]) -> Vec<u8> {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        seal(&mut rng, to.public(), bond, &CONTEXT, secret).unwrap()
    }

    /// BAK-30 to BAK-32: from what is asked to what is opened, with keys of all kinds on both sides.
    #[test]
    fn what_a_custodian_seals_the_machine_opens() {
        for kind in KINDS {
            let custodian = key(kind, 7);
            let (challenge, expected) = asked(&custodian);
            let bond = bound(&custodian, GENESIS, NODE, &challenge).unwrap();
            for to in KINDS {
                let machine = key(to, 8);
                for secret in [&b""[..], b"a share", &[9; 5_000]] {
                    let sealed = sealed(&machine, &bond, secret);
                    assert_eq!(sealed.len(), secret.len() + overhead(machine.public()));
                    let opened = open(&machine, &expected, &CONTEXT, &sealed).unwrap();
                    assert_eq!(*opened, secret, "{kind:?} to {to:?}");
                }
            }
        }
    }

    /// BAK-20, BAK-30: a machine asks what a node would ask, and the answer to that is no bond. Whoever
    /// brings a custodian to answer it, as it answers any challenge, cannot speak for it.
    #[test]
    fn neg_019_an_answer_that_was_given_away_is_no_bond() {
        for kind in KINDS {
            let custodian = key(kind, 7);
            let (challenge, bond) = asked(&custodian);
            let (same, expected) =
                Challenge::new(GENESIS, NODE, custodian.public(), &COINS).unwrap();
            assert_eq!(challenge, same);
            let Ok(given) = answer(&custodian, GENESIS, NODE, &challenge);
            assert_eq!(given, Some(expected));
            let given = quorate_codec::to_bytes(&given);
            assert_eq!(given.len(), 34);
            assert_ne!(given[2..], bond.0);
        }
    }

    /// BAK-30, BAK-33: domain, node, custodian's key, challenge, one-time key and context are all in it.
    #[test]
    fn neg_083_what_is_sealed_opens_for_one_key_one_bond_and_one_context() {
        let (elsewhere, other) = (GenesisHash(Digest([9; 32])), NodeId(Digest([9; 32])));
        for kind in KINDS {
            let (custodian, stranger, machine) = (key(kind, 7), key(kind, 6), key(kind, 8));
            let (challenge, expected) = asked(&custodian);
            let opens = |bond: &Bond| {
                let sealed = sealed(&machine, bond, b"a share");
                open(&machine, &expected, &CONTEXT, &sealed).is_some()
            };
            let (another, _) = ask(GENESIS, NODE, custodian.public(), &[5; 32]).unwrap();
            for (what, bond) in [
                ("another custodian", bound(&stranger, GENESIS, NODE, &challenge)),
                ("another domain", bound(&custodian, elsewhere, NODE, &challenge)),
                ("another node", bound(&custodian, GENESIS, other, &challenge)),
                ("another challenge", bound(&custodian, GENESIS, NODE, &another)),
            ] {
                assert!(!opens(&bond.unwrap()), "{what}");
            }
            assert!(opens(&expected));
            let sealed = sealed(&machine, &expected, b"a share");
            let context = Digest([4; 32]);
            assert_eq!(open(&machine, &expected, &context, &sealed), None);
            assert_eq!(open(&key(kind, 9), &expected, &CONTEXT, &sealed), None);
        }
    }

    /// BAK-33: whatever is changed, and wherever it is cut.
    #[test]
    fn neg_010_what_was_changed_or_cut_does_not_open() {
        for kind in KINDS {
            let machine = key(kind, 8);
            let (_, bond) = asked(&key(SoftKind::X25519, 7));
            let sealed = sealed(&machine, &bond, b"a share");
            let opens = |bytes: &[u8]| open(&machine, &bond, &CONTEXT, bytes).is_some();
            assert!(opens(&sealed));
            for at in (0..sealed.len()).step_by(1 + sealed.len() / 80) {
                let mut changed = sealed.clone();
                changed[at] ^= 0x10;
                assert!(!opens(&changed), "{kind:?} {at}");
                assert!(!opens(&sealed[..at]), "{kind:?} {at}");
            }
            assert!(!opens(&[&sealed[..], &[0]].concat()));
            // What no key of the kind takes.
            let zeros = [&vec![0; sent_bytes(machine.public())], &sealed[..23]].concat();
            assert!(!opens(&zeros));
        }
    }

    /// BAK-32: a source of chance that repeats itself has no key serve twice.
    #[test]
    fn neg_085_no_key_serves_two_secrets() {
        let machine = key(SoftKind::X25519, 8);
        let (_, bond) = asked(&key(SoftKind::X25519, 7));
        let (one, two) = (sealed(&machine, &bond, &[0; 64]), sealed(&machine, &bond, &[1; 64]));
        assert_ne!(one[..32], two[..32], "what is sent");
        let differ = one[32..].iter().zip(&two[32..96]).filter(|(one, two)| *one ^ *two != 1);
        assert!(differ.count() > 32);
        assert_eq!(one, sealed(&machine, &bond, &[0; 64]), "and is what it is made of");
    }

    /// BAK-22: what is malformed for a kind of key never reaches it.
    #[test]
    fn neg_086_what_is_asked_and_malformed_has_no_bond() {
        for kind in KINDS {
            for other in KINDS.into_iter().filter(|other| *other != kind) {
                let (challenge, _) = asked(&key(other, 7));
                assert!(bound(&key(kind, 7), GENESIS, NODE, &challenge).is_none());
            }
        }
    }

    #[test]
    fn neg_077_a_bond_prints_as_nothing() {
        assert_eq!(format!("{:?}", asked(&key(SoftKind::X25519, 7)).1), "Bond");
    }
}

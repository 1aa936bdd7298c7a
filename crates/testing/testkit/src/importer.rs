//! Whoever brings a key from elsewhere, with a machine of its own (`spec/import.md`).

use crate::founding::name;
use crate::world::World;
use ed25519_dalek::SigningKey;
use quorate_charter::{Imported, MotionBody, State, most_faults, verify_log};
use quorate_client::contract::{HexBytes, SubmitImport, routes};
use quorate_codec::{Digest, tag};
use quorate_curve::{Curve, Ed25519, P256, Secp256k1, SecretScalar};
use quorate_engine::Seed;
use quorate_identity::{ImporterSecret, Scheme};
use quorate_machine::call::View;
use quorate_machine::import::{ImportAnswer, ImportError, ImportOffer, deal};
use quorate_machine::wire::{DealMessage, DealStep, ImportDealing};
use zeroize::Zeroizing;

/// Whoever brings a key.
pub struct Importer {
    /// What the key signs.
    pub scheme: Scheme,
    /// Its one-time identity.
    pub identity: ImporterSecret,
    /// The key, as its curve writes it.
    pub secret: [u8; 32],
    /// Its public point.
    pub public: Vec<u8>,
}

fn public<C: Curve>(secret: &[u8; 32]) -> Vec<u8> {
    let point = SecretScalar::<C>::from_bytes(secret).expect("a scalar").commit();
    point.non_identity().expect("a key").to_bytes()
}

impl Importer {
    /// With a key that follows from a byte.
    pub fn new(scheme: Scheme, byte: u8) -> Self {
        // As RFC 8032 expands a seed, so that the same key signs elsewhere.
        let secret = match scheme {
            Scheme::Ed25519 => SigningKey::from_bytes(&[byte; 32]).to_scalar().to_bytes(),
            Scheme::EcdsaSecp256k1 | Scheme::Bip340 | Scheme::EcdsaP256 => [byte; 32],
        };
        let public = match scheme {
            Scheme::Ed25519 => public::<Ed25519>(&secret),
            Scheme::EcdsaSecp256k1 | Scheme::Bip340 => public::<Secp256k1>(&secret),
            Scheme::EcdsaP256 => public::<P256>(&secret),
        };
        let identity = ImporterSecret::from_bytes(&[byte ^ 0x55; 32]);
        Self { scheme, identity, secret, public }
    }

    /// What the motion says of it.
    pub fn imported(&self) -> Imported {
        let (public, importer) = (self.public.clone(), self.identity.public());
        Imported { public, chain_code: Digest([0xcc; 32]), importer }
    }

    /// The motion that orders the import, over two of the first three signers.
    pub fn motion(&self, world: &World, key: &str) -> MotionBody {
        let access: quorate_access::Tree<quorate_identity::Name> =
            "2 of (node-1, node-2, node-3)".parse().expect("a tree");
        let access = access.map(|node| world.id(node.as_str()));
        let (scheme, faults) = (self.scheme, most_faults(&access));
        let imported = self.imported();
        MotionBody::KeyImport { name: name(key), scheme, access, faults, imported }
    }

    /// What it answers an offer.
    ///
    /// # Errors
    /// [`ImportError`]: the offer is not to be dealt for.
    pub fn deal(&self, state: &State, offer: &ImportOffer) -> Result<ImportAnswer, ImportError> {
        let seeds = [Seed::new([1; 32]), Seed::new([2; 32])];
        deal(state, offer, &self.identity, Zeroizing::new(self.secret), seeds)
    }

    /// A dealing with whatever bytes, signed as it should be.
    #[must_use]
    pub fn sign(&self, state: &State, like: &ImportDealing, bytes: [Vec<u8>; 2]) -> ImportDealing {
        let [first, second] = bytes;
        let sign = |like: &DealMessage, number: u8, bytes: Vec<u8>| {
            let step = DealStep::Round { number, bytes };
            let DealMessage { key, epoch, attempt, context, .. } = like.clone();
            let signed = quorate_codec::to_bytes(&(
                state.genesis(),
                key,
                epoch,
                attempt,
                context,
                step.clone(),
            ));
            let signature = self.identity.sign(tag::DEAL_MESSAGE, &signed);
            DealMessage { key, epoch, attempt, context, step, signature }
        };
        ImportDealing { first: sign(&like.first, 1, first), second: sign(&like.second, 2, second) }
    }
}

/// The bytes of a round.
pub fn bytes_of(message: &DealMessage) -> Vec<u8> {
    let DealStep::Round { bytes, .. } = &message.step else { panic!("no round") };
    bytes.clone()
}

/// The charter as a machine without a network verifies it, from the log that somebody carried.
pub fn offline(world: &mut World) -> State {
    let after = World::call(world, "node-1", "auditor", "GET", &routes::entries(0), b"");
    let Ok(View::Entries(page)) = after else { panic!("no entries") };
    let entries =
        page.entries.iter().map(|line| quorate_codec::from_bytes(&line.entry.0).expect("an entry"));
    verify_log(&world.founding.file, &world.founding.hash, entries).expect("a charter")
}

/// The offer of a node, or why there is none yet.
///
/// # Errors
/// What the node says.
pub fn try_offer(world: &mut World, node: &str, key: &str) -> Result<ImportOffer, String> {
    let answer = world.call(node, "auditor", "GET", &routes::import(&name(key)), b"");
    match answer {
        Ok(View::ImportOffer(answer)) => {
            Ok(quorate_codec::from_bytes(&answer.offer.0).expect("an offer"))
        }
        Ok(other) => panic!("no offer: {other:?}"),
        Err(error) => Err(error.message),
    }
}

/// The offer of a node, once all are ready.
pub fn offer(world: &mut World, node: &str, key: &str) -> ImportOffer {
    let mut made = None;
    world.until("all nodes are ready for the importer", |world| {
        made = try_offer(world, node, key).ok();
        made.is_some()
    });
    made.expect("an offer")
}

/// Brings a dealing to a node.
///
/// # Errors
/// What the node says.
pub fn submit(
    world: &mut World,
    node: &str,
    key: &str,
    answer: &ImportAnswer,
) -> Result<(), String> {
    let body = SubmitImport { dealing: HexBytes(quorate_codec::to_bytes(answer)) };
    let body = serde_json::to_vec(&body).expect("a body");
    let answer = world.call(node, "ada", "POST", &routes::import(&name(key)), &body);
    answer.map(|_| ()).map_err(|error| error.message)
}

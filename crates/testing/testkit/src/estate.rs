//! Keys of a domain whose nodes are gone, as the nodes of its successor find them, and what
//! custodians opened for each (`spec/succession.md`).

use crate::founding::name;
use crate::world::World;
use quorate_access::Tree;
use quorate_charter::{MotionBody, Restored, Summand, Summands, most_faults};
use quorate_codec::Digest;
use quorate_curve::{Curve, Ed25519, P256, Point, Secp256k1, SecretScalar};
use quorate_identity::{KeyId, NodeId, Scheme};
use quorate_machine::estate::{Inherited, Legacy, take_up};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A key of the domain before.
#[derive(Clone)]
pub struct LostKey {
    /// As every node finds it.
    pub inherited: Inherited,
    /// What each heir deals.
    pub summands: BTreeMap<NodeId, Vec<[u8; 32]>>,
}

impl LostKey {
    /// One of so many accounts, given out among these heirs. The same seed gives the same.
    pub fn new(
        scheme: Scheme,
        accounts: u16,
        heirs: impl IntoIterator<Item = NodeId>,
        seed: u64,
    ) -> Self {
        let heirs: Vec<NodeId> = heirs.into_iter().collect();
        match scheme {
            Scheme::EcdsaSecp256k1 | Scheme::Bip340 => {
                Self::on::<Secp256k1>(scheme, accounts, heirs, seed)
            }
            Scheme::Ed25519 => Self::on::<Ed25519>(scheme, accounts, heirs, seed),
            Scheme::EcdsaP256 => Self::on::<P256>(scheme, accounts, heirs, seed),
        }
    }

    fn on<C: Curve>(scheme: Scheme, accounts: u16, mut heirs: Vec<NodeId>, seed: u64) -> Self {
        heirs.sort_unstable();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut sums: Vec<Vec<Point<C>>> = vec![Vec::new(); accounts.into()];
        let encoded = |point: Point<C>| point.non_identity().expect("no identity").to_bytes();
        let (mut summands, mut known) = (BTreeMap::new(), Vec::new());
        for heir in heirs {
            let own: Vec<SecretScalar<C>> =
                (0..accounts).map(|_| SecretScalar::random(&mut rng)).collect();
            let points: Vec<Point<C>> = own.iter().map(SecretScalar::commit).collect();
            sums.iter_mut().zip(&points).for_each(|(sum, point)| sum.push(*point));
            known.push(Summand { dealer: heir, points: points.into_iter().map(encoded).collect() });
            summands.insert(heir, own.iter().map(|secret| *secret.to_bytes()).collect());
        }
        let sum = |points: Vec<Point<C>>| {
            let terms: Vec<_> = points.into_iter().map(|point| (point, 1)).collect();
            encoded(Point::weighted_sum(&terms))
        };
        let publics: Vec<Vec<u8>> = sums.into_iter().map(sum).collect();
        let chain_codes: Vec<Digest> = (0..publics.len()).map(|at| chain_code(at, seed)).collect();
        let summands_of_all = Summands(known);
        let key = KeyId(chain_code(1_000, seed));
        let restored = Restored::new(
            (key, name("theirs")),
            &publics.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            &chain_codes,
            &summands_of_all,
        );
        let inherited = Inherited {
            scheme,
            points: publics.into_iter().map(Into::into).collect(),
            chain_codes,
            restored,
            summands: summands_of_all,
        };
        Self { inherited, summands }
    }

    /// The motion that restores it over a tree.
    pub fn motion(&self, called: &str, access: Tree<NodeId>) -> MotionBody {
        let (scheme, faults) = (self.inherited.scheme, most_faults(&access));
        let accounts = u16::try_from(self.inherited.points.len()).expect("few accounts");
        let restored = self.inherited.restored.clone();
        MotionBody::KeyRestore { name: name(called), scheme, access, faults, accounts, restored }
    }

    /// What a node takes up, with its part or without.
    pub fn legacy(&self, node: &NodeId, with_part: bool) -> Legacy {
        let summand = self.summands.get(node).filter(|_| with_part);
        let summand = summand.map(|own| own.iter().map(|it| Zeroizing::new(*it)).collect());
        Legacy { inherited: self.inherited.clone(), summand }
    }

    /// A stopped node takes it up.
    pub fn taken_up(&self, world: &mut World, node: &str, with_part: bool) {
        let id = world.id(node);
        let rows = take_up(&[self.legacy(&id, with_part)]);
        world.host_mut(node).write(&rows);
    }
}

/// Some digest that follows from two numbers.
fn chain_code(at: usize, seed: u64) -> Digest {
    let mut bytes = [0xcd; 32];
    bytes[..8].copy_from_slice(&(at as u64).to_be_bytes());
    bytes[8..16].copy_from_slice(&seed.to_be_bytes());
    Digest(bytes)
}

/// A domain that succeeds another one, all of whose nodes take up this key with their parts.
///
/// # Panics
/// It never has leases.
pub fn succeeding(seed: u64, scheme: Scheme, accounts: u16) -> (World, LostKey) {
    let mut world = World::succeeding(seed);
    let heirs = world.founding.state.succession().expect("a succession").heirs();
    let lost = LostKey::new(scheme, accounts, heirs, seed);
    for node in world.names() {
        restart_with(&mut world, &node, |world| lost.taken_up(world, &node, true));
        // That it had taken up nothing when it first started.
        world.host_mut(&node).alarms.clear();
    }
    world
        .until("all are there", |world| world.names().iter().all(|node| world.status(node).leased));
    (world, lost)
}

/// Does something to a stopped node, and starts it again.
pub fn restart_with(world: &mut World, node: &str, change: impl FnOnce(&mut World)) {
    let id = world.id(node);
    world.stop(node);
    change(world);
    world.start(id);
}

//! A prover that cheats in some rows is caught as often as the bound says, and what is not caught
//! restores.

use super::*;
use crate::{Opener, Proven, Recovery, SoftKey, SoftKind, Subject};
use quorate_access::Tree;
use quorate_curve::Ed25519;
use quorate_identity::{GenesisHash, NodeId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// C(5, 2) = 10: small enough to cheat now and then.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Small {}

impl Parameters for Small {
    const ROWS: u16 = 5;
    const CLOSED: u16 = 2;
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy)]
enum Cheat {
    /// What is encrypted is another key than the one that hides.
    Key,
    /// The first two custodians restore the key, everybody else together with the last another.
    Quorum,
    /// What hides is something else than what follows from the key.
    Mask,
    /// The coins are those of the row before.
    Coins,
}

struct World {
    custodians: Vec<SoftKey>,
    statement: Statement<Ed25519>,
    secrets: Vec<SecretScalar<Ed25519>>,
}

fn world() -> World {
    let custodians: Vec<SoftKey> =
        (1..=3).map(|number| SoftKey::from_seed(SoftKind::X25519, &[number; 32])).collect();
    let keys: Vec<_> = custodians.iter().map(|key| key.public().clone()).collect();
    let tree: Tree<u8> = "2 of (0, 1, 2)".parse().unwrap();
    let recovery = Recovery::new(&tree.map(|place| usize::from(*place)), &keys).unwrap();
    let secrets = vec![SecretScalar::random(&mut ChaCha20Rng::seed_from_u64(9))];
    let publics = vec![secrets[0].commit().non_identity().unwrap()];
    let author = NodeId(Digest([6; 32]));
    let genesis = GenesisHash(Digest([1; 32]));
    let subject = Subject::Canary { genesis, export: Digest([2; 32]) };
    World { custodians, statement: Statement { author, subject, publics, recovery }, secrets }
}

/// A bundle in which these rows are bad.
fn cheated(
    world: &World,
    cheat: Cheat,
    bad: &[u16],
    rng: &mut ChaCha20Rng,
) -> Bundle<Ed25519, Small> {
    let digest = world.statement.digest::<Small>();
    let mut salt = Digest::ZERO;
    rng.fill_bytes(&mut salt.0);
    let root = root(&digest, &world.secrets, rng);
    let rows = Rows::new(digest, salt.0, &world.statement.recovery);
    let seeds = seeds(&root, &salt.0, Small::ROWS);
    let keys: Vec<RowKey> = (0..).zip(&seeds).map(|(row, seed)| rows.key(row, seed)).collect();
    let row = |number: u16| {
        let key = keys[usize::from(number)].plus(&SecretScalar::zero());
        let good = Row::new::<Ed25519>(&rows, number, key, 1).unwrap();
        if !bad.contains(&number) {
            return good;
        }
        let other = good.key.plus(&SecretScalar::from_wide(&[1; 64]));
        let key = good.key.plus(&SecretScalar::zero());
        let (ciphertext, key) = match cheat {
            Cheat::Key => (rows.encrypt(number, &other).unwrap(), key),
            Cheat::Mask => (good.ciphertext, other),
            Cheat::Coins => {
                let before = &keys[(usize::from(number) + 4) % 5];
                let sharing = rows.polynomial(number, &key);
                (rows.encrypt_sharing(number, before, &sharing).unwrap(), key)
            }
            Cheat::Quorum => {
                // The sharing of another key in the last piece alone.
                let sharing = rows.polynomial(number, &other);
                let mut ciphertext = good.ciphertext;
                let strange = rows.encrypt_sharing(number, &key, &sharing).unwrap();
                let last = ciphertext.len() - 32;
                ciphertext.truncate(last);
                ciphertext.extend(&strange[last..]);
                (ciphertext, key)
            }
        };
        let mask = rows.masks::<Ed25519>(number, &key).take(1);
        let digest =
            row_digest(number, &ciphertext, mask.map(|mask| mask.commit()).collect()).unwrap();
        Row { key, ciphertext, digest }
    };
    let made: Vec<Row> = (0..Small::ROWS).map(row).collect();
    let (challenge, told, closed) =
        close::<Ed25519, Small>(&rows, digest, salt, &root, &made, &world.secrets);
    let statement = world.statement.clone();
    Bundle { version: 1, statement, salt, challenge, told, closed, parameters: PhantomData }
}

/// Whether these custodians get the secret.
fn restores(world: &World, proven: &Proven<Ed25519, Small>, quorum: [usize; 2]) -> bool {
    let open =
        |place: usize| proven.open(&world.custodians[place]).unwrap_or_else(|never| match never {});
    let restored = proven.restore(&quorum.map(open));
    // N-96: whatever the author did, no custodian is blamed for it.
    restored.is_ok_and(|all| {
        assert!(all.liars.is_empty());
        all.secrets[0].to_bytes() == world.secrets[0].to_bytes()
    })
}

/// Every set of rows and every cheat: it passes only if all bad rows stay closed, as often as that
/// happens, and what passes restores with every quorum unless exactly the closed rows are bad,
/// which no real proof lets anybody hope for (BAK-13).
#[test]
fn neg_068_cheating_is_caught_as_often_as_the_bound_says() {
    const TRIALS: u32 = 30;
    let (world, mut rng) = (world(), ChaCha20Rng::seed_from_u64(1));
    // passed and tried, by how many rows are bad
    let mut passed = [[0_u32; 2]; 6];
    for cheat in [Cheat::Key, Cheat::Quorum, Cheat::Mask, Cheat::Coins] {
        for set in 1_u16..32 {
            let bad: Vec<u16> = (0..5).filter(|row| set >> row & 1 == 1).collect();
            for _ in 0..TRIALS {
                let bundle = cheated(&world, cheat, &bad, &mut rng);
                let [passes, tries] = &mut passed[bad.len()];
                *tries += 1;
                let Ok(proven) = bundle.verify(&world.statement) else { continue };
                *passes += 1;
                let all_bad = proven.rows == bad && !matches!(cheat, Cheat::Coins);
                for quorum in [[0, 1], [0, 2], [1, 2]] {
                    let should = !all_bad || (matches!(cheat, Cheat::Quorum) && quorum == [0, 1]);
                    assert_eq!(restores(&world, &proven, quorum), should, "{cheat:?} {bad:?}");
                }
            }
        }
    }
    // all bad rows are among the two closed ones with probability 2/5, 1/10, never
    for (bad, [one, in_all]) in [(1, [2, 5]), (2, [1, 10]), (3, [0, 1]), (4, [0, 1]), (5, [0, 1])] {
        let [passes, tries] = passed[bad];
        println!("figures: {bad} bad rows of 5, 2 closed: {passes} of {tries} pass");
        let (chance, tries) = (f64::from(one) / f64::from(in_all), f64::from(tries));
        let deviation = (chance * (1.0 - chance) * tries).sqrt();
        assert!((f64::from(passes) - chance * tries).abs() <= 5.0 * deviation, "{bad}: {passes}");
    }
}

/// N-85: with a source of chance that repeats itself two statements, or two sets of secrets, have
/// no row in common.
#[test]
fn neg_085_no_row_is_shared_by_two_statements() {
    let world = world();
    let fixed = || ChaCha20Rng::seed_from_u64(4);
    let made = |statement: &Statement<Ed25519>, secrets: &[SecretScalar<Ed25519>]| {
        *root(&statement.digest::<Small>(), secrets, &mut fixed())
    };
    let first = made(&world.statement, &world.secrets);
    let mut later = world.statement.clone();
    later.author = NodeId(Digest([7; 32]));
    assert_ne!(made(&later, &world.secrets), first);
    assert_ne!(made(&world.statement, &[SecretScalar::zero()]), first);
    assert_eq!(made(&world.statement, &world.secrets), first);
}

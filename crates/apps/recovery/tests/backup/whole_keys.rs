//! Whole keys: what custodians put together, and what other software reads of it.

use crate::domain::{Dealt, Domain, Kept, custodian_secret, name, written};
use crate::harness::{Folder, recovery};
use crate::{World, world};
use bitcoin::bip32::{ChildNumber, Xpriv};
use bitcoin::secp256k1::Secp256k1 as Libsecp256k1;
use bitcoin::{NetworkKind, PrivateKey};
use curve25519_dalek::Scalar as DalekScalar;
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use quorate_backup::{Opener, RecoveryKey, Shared, SoftKey, SoftKind};
use quorate_charter::{Custody, MotionBody};
use quorate_codec::hex;
use quorate_curve::{Curve, Secp256k1, SecretScalar};
use quorate_derivation::derive_encoded;
use quorate_identity::Scheme;
use quorate_recovery::backup_file::BackupReader;
use quorate_recovery::passphrase::Passphrase;
use quorate_recovery::whole::{
    CombineError, Combined, Combining, FormError, Format, KeyNetwork, Opened, WholeKey,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sha2::Sha512;
use std::process::Command;
use std::sync::OnceLock;

/// Every custodian of the tests' domain.
pub const ALL: [&str; 3] = ["greta", "hugo", "iris"];

/// The backup of the tests' domain. One for all tests.
pub fn file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| written(&world().domain.items(&world().keys())))
}

pub fn combining(domain: &Domain, keys: &[Kept], key: &str) -> Result<Combining, CombineError> {
    read(&written(&domain.items(keys)), domain, key, false)
}

fn read(file: &[u8], domain: &Domain, key: &str, meant: bool) -> Result<Combining, CombineError> {
    let reader = BackupReader::new(file).unwrap();
    Combining::read(reader, &domain.state.genesis(), &name(key), meant)
}

/// Why nothing is opened.
fn refusal(found: Result<Combining, CombineError>) -> CombineError {
    found.map(|combining| combining.name().clone()).unwrap_err()
}

fn holder(who: &str) -> SoftKey {
    custodian_secret(SoftKind::X25519, 1, who).key()
}

fn opened<O: Opener>(combining: &Combining, holder: &O) -> Opened {
    combining.open(holder).unwrap_or_else(|_| panic!("a key in memory"))
}

pub fn combined(combining: &Combining, account: usize) -> Combined {
    let all = ALL.map(|who| opened(combining, &holder(who)));
    combining.combine(all.into(), account).unwrap()
}

/// A key of the tests' domain, put together once for all tests.
fn whole(key: &str, account: usize) -> WholeKey {
    combined(&read(file(), &world().domain, key, false).unwrap(), account).key
}

pub fn text(key: &WholeKey, format: Format, network: KeyNetwork, phrase: Option<&str>) -> String {
    let phrase = phrase.map(Passphrase::from);
    let text = key.text(format, network, phrase.as_ref(), &mut ChaCha20Rng::seed_from_u64(7));
    text.unwrap().to_string()
}

/// The secret of an account of a key, which only the tests know.
pub fn secret<C: Curve>(dealt: &Dealt<C>, account: usize) -> [u8; 32] {
    *dealt.secrets[account].to_bytes()
}

/// REC-48: the contributions of all dealers are the key, of the account that is named, in every scheme
/// and also where shares were refreshed since.
#[test]
fn custodians_put_a_whole_key_together() {
    let World { ops, treasury, vault, .. } = world();
    let keys = [
        (whole("ops", 0), secret(ops, 0), &ops.kept, 0),
        (whole("treasury", 0), secret(treasury, 0), &treasury.kept, 0),
        (whole("treasury", 1), secret(treasury, 1), &treasury.kept, 1),
        (whole("vault", 0), secret(vault, 0), &vault.kept, 0),
    ];
    for (key, secret, Kept { record, .. }, account) in keys {
        assert_eq!(key.point(), record.accounts[account].commitments[0]);
        assert_eq!(key.scheme(), record.plan.scheme);
        let digits = text(&key, Format::Raw, KeyNetwork::Mainnet, None);
        assert_eq!(format!("0x{digits}"), format!("{}\n", hex::encode(&secret)));
        assert!(!format!("{key:?}").contains(&digits[..8]));
    }
}

/// REC-49: rust-bitcoin reads what is written, and finds the children that the domain's own derivation
/// has.
#[test]
fn extended_private_keys_are_those_of_bip_32() {
    for (key, account) in [("treasury", 0), ("treasury", 1), ("vault", 0)] {
        let key = whole(key, account);
        for (network, kind, start) in [
            (KeyNetwork::Mainnet, NetworkKind::Main, "xprv"),
            (KeyNetwork::Testnet, NetworkKind::Test, "tprv"),
        ] {
            let text = text(&key, Format::Xprv, network, None);
            assert!(text.starts_with(start) && text.ends_with('\n'));
            let read: Xpriv = text.trim().parse().unwrap();
            assert_eq!((read.network, read.depth), (kind, 0));
            assert_eq!(read.parent_fingerprint.to_bytes(), [0; 4]);
            assert_eq!(read.chain_code.to_bytes(), [2; 32]);
            let engine = Libsecp256k1::new();
            let public = |key: &Xpriv| key.private_key.public_key(&engine).serialize();
            assert_eq!(public(&read), key.point());
            let path = [0, 5].map(|index| ChildNumber::from_normal_idx(index).unwrap());
            let child = read.derive_priv(&engine, &path).unwrap();
            let ours = "m/0/5".parse().unwrap();
            let ours = derive_encoded(Scheme::EcdsaSecp256k1, key.point(), &[2; 32], &ours);
            assert_eq!(public(&child).to_vec(), ours.unwrap().point);
        }
    }
}

/// REC-49: rust-bitcoin reads what is written, for its network.
#[test]
fn keys_in_wallet_import_format_are_read() {
    let key = whole("treasury", 1);
    for (network, kind) in
        [(KeyNetwork::Mainnet, NetworkKind::Main), (KeyNetwork::Testnet, NetworkKind::Test)]
    {
        let read = PrivateKey::from_wif(text(&key, Format::Wif, network, None).trim()).unwrap();
        assert!(read.compressed && read.network == kind);
        assert_eq!(read.to_bytes(), secret(&world().treasury, 1));
    }
    let one = WholeKey::new(Scheme::Bip340, &one(), [0; 32]).unwrap();
    let known = "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn\n";
    assert_eq!(text(&one, Format::Wif, KeyNetwork::Mainnet, None), known);
}

/// The scalar 1 of secp256k1.
fn one() -> [u8; 32] {
    let mut one = [0; 32];
    one[31] = 1;
    one
}

/// The public point that OpenSSL finds in a key in PEM, given this password.
pub fn openssl(folder: &Folder, pem: &str, password: &str) -> Option<Vec<u8>> {
    folder.write("key.pem", pem);
    folder.write("password", password);
    let (pem, password) = (folder.at("key.pem"), format!("file:{}", folder.at("password")));
    let form = ["-pubout", "-outform", "DER", "-ec_conv_form", "compressed"];
    let call = [&["pkey", "-in", &pem, "-passin", &password, "-check"][..], &form].concat();
    let output = Command::new("openssl").args(call).output().unwrap();
    let point = output.stdout.len().checked_sub(33)?;
    output.status.success().then(|| output.stdout[point..].to_vec())
}

/// REC-49: OpenSSL reads what is written, sealed and not, and opens it with its passphrase only.
#[test]
fn keys_in_pem_are_read_by_openssl() {
    let folder = Folder::new();
    for key in [whole("treasury", 0), whole("vault", 0)] {
        let plain = text(&key, Format::Pkcs8, KeyNetwork::Mainnet, None);
        assert!(plain.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{plain}");
        assert_eq!(openssl(&folder, &plain, "none is asked for").as_deref(), Some(key.point()));
        let sealed = text(&key, Format::Pkcs8, KeyNetwork::Mainnet, Some("open sesame"));
        assert!(sealed.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{sealed}");
        assert_eq!(openssl(&folder, &sealed, "open sesame").as_deref(), Some(key.point()));
        assert_eq!(openssl(&folder, &sealed, "open barley"), None);
    }
}

/// REC-49: another reader of keystores opens what is written, with its passphrase only; and the address
/// is the one that everybody knows of this key.
#[test]
fn keystores_are_those_of_ethereum() {
    let folder = Folder::new();
    let known = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    let secret: [u8; 32] = hex::decode_array(known).unwrap();
    let key = WholeKey::new(Scheme::EcdsaSecp256k1, &secret, [0; 32]).unwrap();
    let text = text(&key, Format::Keystore, KeyNetwork::Mainnet, Some("open sesame"));
    folder.write("keystore", &text);
    let open = |phrase| eth_keystore::decrypt_key(folder.path("keystore"), phrase);
    assert_eq!(open("open sesame").unwrap(), secret);
    assert!(open("open barley").is_err());
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["address"], "f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    let params = &file["crypto"]["kdfparams"];
    assert_eq!((&params["n"], &params["r"], &params["p"]), (&262_144.into(), &8.into(), &1.into()));
}

/// REC-49: the scalar of Ed25519 signs, with any prefix for its nonces, what verifies under the key of
/// the domain.
#[test]
fn a_scalar_of_ed25519_signs_under_the_domains_key() {
    let key = whole("ops", 0);
    let digits = text(&key, Format::Raw, KeyNetwork::Mainnet, None);
    let bytes: [u8; 32] = hex::decode_array(&format!("0x{}", digits.trim())).unwrap();
    let scalar = DalekScalar::from_canonical_bytes(bytes).unwrap();
    let signer = ExpandedSecretKey { scalar, hash_prefix: [9; 32] };
    let public = VerifyingKey::from_bytes(key.point().try_into().unwrap()).unwrap();
    let signature = raw_sign::<Sha512>(&signer, b"moved", &public);
    public.verify_strict(b"moved", &signature).unwrap();
}

/// REC-49: no form is written for a key that it has no place for, or otherwise sealed than is said.
#[test]
fn a_form_that_does_not_fit_is_refused() {
    let ed25519 = WholeKey::new(Scheme::Ed25519, &secret(&world().ops, 0), [2; 32]).unwrap();
    let secp256k1 = WholeKey::new(Scheme::Bip340, &one(), [2; 32]).unwrap();
    let phrase = Passphrase::from("open sesame");
    let refused = |key: &WholeKey, format, phrase| {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        key.text(format, KeyNetwork::Mainnet, phrase, &mut rng).map(drop).unwrap_err()
    };
    for format in [Format::Xprv, Format::Wif] {
        let wrong = FormError::Scheme(format, Scheme::Ed25519);
        assert_eq!(refused(&ed25519, format, None), wrong);
        assert_eq!(refused(&secp256k1, format, Some(&phrase)), FormError::Unsealed(format));
    }
    assert_eq!(refused(&ed25519, Format::Pkcs8, Some(&phrase)), FormError::Seed);
    let keystore = Format::Keystore;
    let wrong = FormError::Scheme(keystore, Scheme::Ed25519);
    assert_eq!(refused(&ed25519, keystore, Some(&phrase)), wrong);
    assert_eq!(refused(&secp256k1, keystore, None), FormError::Sealed(keystore));
    for scheme in Scheme::ALL {
        assert!(WholeKey::new(scheme, &[0; 32], [0; 32]).is_none());
        assert!(WholeKey::new(scheme, &[0xff; 32], [0; 32]).is_none());
    }
}

/// A custodian's key that opens one bit else.
struct Liar(SoftKey);

impl Opener for Liar {
    type Error = <SoftKey as Opener>::Error;

    fn public(&self) -> &RecoveryKey {
        self.0.public()
    }

    fn open(&self, with: &[u8]) -> Result<Option<Shared>, Self::Error> {
        let opened = self.0.open(with)?;
        Ok(opened.map(|mut opened| {
            opened[0] ^= 1;
            opened
        }))
    }
}

/// A custodian's key that opens nothing.
struct Silent(SoftKey);

impl Opener for Silent {
    type Error = <SoftKey as Opener>::Error;

    fn public(&self) -> &RecoveryKey {
        self.0.public()
    }

    fn open(&self, _: &[u8]) -> Result<Option<Shared>, Self::Error> {
        Ok(None)
    }
}

/// REC-48, BAK-16: what is false never becomes a key. Where others suffice it is told whose it was, and
/// where they do not, nobody is blamed.
#[test]
fn neg_068_what_is_false_never_becomes_a_key() {
    let mut domain = Domain::founded(1, SoftKind::X25519);
    let custody = domain.state.custody().clone();
    let custody = Custody { keys: "2 of (greta, hugo, iris)".parse().unwrap(), ..custody };
    domain.place(MotionBody::CustodySet { custody, excepted: Vec::new() });
    domain.order("treasury", Scheme::EcdsaSecp256k1, "2 of (node-1, node-2)", 1);
    let made: Dealt<Secp256k1> = domain.generate("treasury");
    let two_of_three = combining(&domain, std::slice::from_ref(&made.kept), "treasury").unwrap();
    let honest = |who| opened(&two_of_three, &holder(who));
    let lie = || opened(&two_of_three, &Liar(holder("greta")));
    let nothing = || opened(&two_of_three, &Silent(holder("greta")));
    for (greta, liars, silent) in
        [(lie(), vec![name("greta")], vec![]), (nothing(), vec![], vec![name("greta")])]
    {
        let all = vec![greta, honest("hugo"), honest("iris")];
        let combined = two_of_three.combine(all, 0).unwrap();
        assert_eq!(combined.liars.into_iter().collect::<Vec<_>>(), liars);
        assert_eq!(combined.silent.into_iter().collect::<Vec<_>>(), silent);
        assert_eq!(combined.key.point(), made.kept.record.accounts[0].public_key);
    }
    for greta in [lie(), nothing()] {
        let failed = two_of_three.combine(vec![greta, honest("hugo")], 0).unwrap_err();
        assert_eq!(failed, CombineError::False);
    }
    let strangers = opened(&two_of_three, &custodian_secret(SoftKind::X25519, 9, "greta").key());
    let failed = two_of_three.combine(vec![strangers, honest("hugo")], 0);
    assert!(matches!(failed, Err(CombineError::NoCustodian(_))));
    let twice = vec![honest("hugo"), honest("hugo")];
    let failed = two_of_three.combine(twice, 0).unwrap_err();
    assert_eq!(failed, CombineError::Twice(name("hugo")));
    let failed = two_of_three.combine(vec![honest("hugo"), honest("iris")], 1).unwrap_err();
    assert_eq!(failed, CombineError::NoAccount { account: 1, accounts: 1 });
}

/// REC-46: nothing comes of shares, and of no key but the one that is named.
#[test]
fn neg_071_only_a_key_that_is_named_and_backed_up_is_opened() {
    let World { domain, .. } = world();
    let unknown = refusal(read(file(), domain, "savings", false));
    assert_eq!(unknown, CombineError::NoKey(name("savings")));

    let mut domain = domain.clone();
    let imported = SecretScalar::<Secp256k1>::from_wide(&[9; 64]);
    domain.order_import("old", &imported);
    let made = domain.import("old", &imported);
    let keys = [world().keys().as_slice(), &[made.kept]].concat();
    let shares = refusal(combining(&domain, &keys, "old"));
    assert_eq!(shares, CombineError::SharesAlone(name("old")));

    domain.place(MotionBody::KeyRetire { name: name("vault") });
    let file = written(&domain.items(&keys));
    let retired = refusal(read(&file, &domain, "vault", false));
    assert_eq!(retired, CombineError::Retired(name("vault")));
    let combining = read(&file, &domain, "vault", true).unwrap();
    let point = &world().vault.kept.record.accounts[0].commitments[0];
    assert_eq!(combined(&combining, 0).key.point(), point);
    let without = [&keys[..2], &keys[3..]].concat();
    let file = written(&domain.items(&without));
    let gone = refusal(read(&file, &domain, "vault", true));
    assert_eq!(gone, CombineError::NotHere(name("vault")));
}

/// REC-46, BAK-14: of a file that does not hold nothing is opened, also where it is another key of which
/// something does not.
#[test]
fn neg_083_a_file_that_does_not_hold_is_not_opened() {
    let [mut ops, treasury, vault] = world().keys();
    ops.bundles[0].bytes[500] ^= 1;
    let refused = refusal(combining(&world().domain, &[ops, treasury, vault], "vault"));
    let CombineError::Refused(report) = refused else { panic!("{refused}") };
    assert!(!report.holds());
    let cut = &file()[..file().len() - 9];
    assert!(matches!(read(cut, &world().domain, "vault", false), Err(CombineError::Refused(_))));
}

/// The program knows no way to name all keys at once.
#[test]
fn a_key_has_to_be_named() {
    let call = ["--json", "combine", "x", "--format", "wif", "--key", "x", "--output", "x"];
    assert_eq!(recovery(&call).refused(2).0, "bad_usage");
}

//! Whole keys that custodians took out of a domain with `quorate-recovery combine`: what it writes is
//! read as a key from elsewhere, and is the same key.

use crate::harness::{fresh_dir, quorate};
use quorate_codec::hex;
use quorate_identity::Scheme;
use quorate_recovery::passphrase::Passphrase;
use quorate_recovery::whole::{Format, KeyNetwork, WholeKey};
use rand_core::OsRng;
use std::fs;

/// A form, whether it is sealed, and what the importer is told of it.
type Case = (Format, bool, &'static [&'static str]);

/// REC-49, IMP-10: keys of every scheme come back, from every form but that of BIP-32.
#[test]
fn what_is_taken_out_can_be_imported_again() {
    let folder = fresh_dir("whole-keys");
    fs::create_dir_all(&folder).unwrap();
    let at = |name: &str| folder.join(name).display().to_string();
    let (file, password) = (at("whole"), at("password"));
    fs::write(&password, "a whole key\n").unwrap();
    let on_secp256k1: [Case; 5] = [
        (Format::Raw, false, &["--format", "raw"]),
        (Format::Wif, false, &["--format", "wif", "--network", "testnet"]),
        (Format::Pkcs8, false, &["--format", "pem"]),
        (Format::Pkcs8, true, &["--format", "pem"]),
        (Format::Keystore, true, &["--format", "keystore"]),
    ];
    let on_p256 = [on_secp256k1[0], on_secp256k1[2], on_secp256k1[3]];
    for scheme in Scheme::ALL {
        let key = WholeKey::new(scheme, &[5; 32], [2; 32]).unwrap();
        let cases = match scheme {
            Scheme::EcdsaSecp256k1 | Scheme::Bip340 => on_secp256k1.as_slice(),
            Scheme::Ed25519 => &on_secp256k1[..1],
            Scheme::EcdsaP256 => on_p256.as_slice(),
        };
        for (number, (format, sealed, told)) in cases.iter().enumerate() {
            let passphrase = sealed.then(|| Passphrase::from("a whole key"));
            let text = key.text(*format, KeyNetwork::Testnet, passphrase.as_ref(), &mut OsRng);
            fs::write(&file, text.unwrap().as_bytes()).unwrap();
            let (ceremony, request) =
                (at(&format!("{scheme}-{number}.c")), at(&format!("{scheme}-{number}.r")));
            let begin = ["--json", "key", "import", "begin", "--scheme", scheme.name()];
            let files = ["--ceremony", &ceremony, "--request", &request, "--secret-file", &file];
            let mut call = [&begin[..], &files, told].concat();
            if *sealed {
                call.extend(["--password-file", &password]);
            }
            let begun = quorate(&call).ok();
            assert_eq!(begun["public"], hex::encode(key.point()), "{scheme} {format}");
        }
    }
}

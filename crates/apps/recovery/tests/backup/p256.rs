//! A key of ECDSA on P-256 on every way out of a backup: custodians put it together, a lost seat gets its
//! shares, heirs get their summands, and whoever it is given to opens it.

use crate::domain::{Dealt, Domain, written};
use crate::estate::{Estate, custody_set};
use crate::estates::assert_whole;
use crate::exports::recipient;
use crate::harness::Folder;
use crate::seats::{Lost, are};
use crate::verified;
use crate::whole_keys::{combined, combining, openssl, secret, text};
use quorate_backup::{Opener, SoftKind};
use quorate_codec::{hex, to_bytes};
use quorate_curve::P256;
use quorate_identity::Scheme;
use quorate_recovery::export::Exported;
use quorate_recovery::seat::Secrets;
use quorate_recovery::whole::{FormError, Format, KeyNetwork};
use std::sync::OnceLock;

/// A domain with one key, of which two of three custodians restore shares and the key itself.
fn world() -> &'static (Domain, Dealt<P256>) {
    static WORLD: OnceLock<(Domain, Dealt<P256>)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let mut domain = Domain::founded(1, SoftKind::X25519);
        domain.place(custody_set(domain.state.custody().clone()));
        domain.order("releases", Scheme::EcdsaP256, "2 of (node-1, node-2, node-3)", 1);
        let releases = domain.generate("releases");
        (domain, releases)
    })
}

fn digits(releases: &Dealt<P256>) -> String {
    format!("{}\n", &hex::encode(&secret(releases, 0))[2..])
}

/// REC-24 to REC-29, REC-48, REC-49: OpenSSL reads the whole key, whose public key is the certified one;
/// the forms of wallets have no place for it.
#[test]
fn custodians_put_it_together() {
    let (domain, releases) = world();
    let file = written(&domain.items(std::slice::from_ref(&releases.kept)));
    assert!(verified(&file, &domain.state.genesis()).holds());
    let combining = combining(domain, std::slice::from_ref(&releases.kept), "releases").unwrap();
    let key = combined(&combining, 0).key;
    assert_eq!(key.point(), releases.kept.record.accounts[0].public_key);
    let of = |format, phrase| text(&key, format, KeyNetwork::Mainnet, phrase);
    assert_eq!(of(Format::Raw, None), digits(releases));
    let folder = Folder::new();
    let plain = of(Format::Pkcs8, None);
    assert_eq!(openssl(&folder, &plain, "none is asked for").as_deref(), Some(key.point()));
    let sealed = of(Format::Pkcs8, Some("open sesame"));
    assert_eq!(openssl(&folder, &sealed, "open sesame").as_deref(), Some(key.point()));
    assert_eq!(openssl(&folder, &sealed, "open barley"), None);
    for format in [Format::Xprv, Format::Wif, Format::Keystore] {
        assert_eq!(format.fits(key.scheme()), Err(FormError::Scheme(format, Scheme::EcdsaP256)));
    }
}

/// REC-36 to REC-39.
#[test]
fn a_lost_seat_gets_its_shares() {
    let (domain, releases) = world();
    let lost = Lost::to(domain.clone(), 1, std::slice::from_ref(&releases.kept));
    let restored = lost.restore(&["greta", "iris"].map(|who| lost.part(who))).unwrap();
    assert!(restored.liars.is_empty() && restored.silent.is_empty());
    let [key] = restored.keys.as_slice() else { panic!("one key") };
    let Secrets::P256(got) = &key.secrets else { panic!("{:?}", key.secrets) };
    assert!(are(got, releases, &lost.domain));
}

/// SUC-10 to SUC-14.
#[test]
fn heirs_get_their_summands() {
    let (domain, releases) = world();
    let estate = Estate::of(domain.clone(), std::slice::from_ref(&releases.kept), 2);
    let of_heirs = estate.inherit_all(&estate.parts(["greta", "hugo"]));
    assert_whole(&estate, releases, &of_heirs);
}

/// KEX-13, KEX-14.
#[test]
fn whoever_it_is_given_to_opens_it() {
    let (domain, releases) = world();
    let (mut domain, recipient) = (domain.clone(), recipient());
    let export = domain.export("releases", recipient.public());
    let part = |member| domain.part(releases, export, member, recipient.public());
    let parts = ["node-1", "node-3"].map(part);
    let file = domain.export_file(&releases.kept.record, export, &parts);
    let exported = Exported::read(&to_bytes(&file), &domain.state.genesis()).unwrap();
    assert!(exported.report().unwrap().holds());
    let Ok(opened) = exported.open(&recipient);
    let whole = exported.whole(opened).unwrap();
    assert_eq!(text(&whole[0], Format::Raw, KeyNetwork::Mainnet, None), digits(releases));
}

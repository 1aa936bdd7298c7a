//! Keys that a token holds and that no backup should be encrypted to.

use crate::soft_hsm::{PIN, SoftHsm, module};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

/// Makes pairs that our program would not make.
struct Maker(Session);

impl Maker {
    fn new() -> Self {
        let pkcs11 = Pkcs11::new(module()).unwrap();
        pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        let slot = pkcs11.get_slots_with_initialized_token().unwrap()[0];
        let session = pkcs11.open_rw_session(slot).unwrap();
        session.login(UserType::User, Some(&AuthPin::new(PIN.into()))).unwrap();
        Self(session)
    }

    fn make(&self, mechanism: &Mechanism<'_>, public: &[Attribute], private: &[Attribute]) {
        self.0.generate_key_pair(mechanism, public, private).unwrap();
    }

    /// A pair on a curve, with these attributes of its halves besides.
    fn ec(&self, label: &str, params: &[u8], public: &[Attribute], private: &[Attribute]) {
        let common = [Attribute::Label(label.into()), Attribute::Id(label.into())];
        let params = [Attribute::EcParams(params.into())];
        let public = [common.as_slice(), &params, public].concat();
        self.make(&Mechanism::EccKeyPairGen, &public, &[&common, private].concat());
    }

    /// The same of RSA.
    fn rsa(&self, label: &str, bits: u64, exponent: &[u8], private: &[Attribute]) {
        let common =
            [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(label.into())];
        let size =
            [Attribute::ModulusBits(bits.into()), Attribute::PublicExponent(exponent.into())];
        let public = [common.as_slice(), &size].concat();
        self.make(&Mechanism::RsaPkcsKeyPairGen, &public, &[&common, private].concat());
    }

    fn all(&self) {
        let kept = || Attribute::Token(true);
        let lost = || Attribute::Token(false);
        let derives = || vec![kept(), Attribute::Derive(true)];
        self.ec("signs", P256, &[kept()], &[kept(), Attribute::Derive(false)]);
        self.ec("p384", P384, &[kept()], &derives());
        self.ec("half", P256, &[lost()], &derives());
        let always = Attribute::AlwaysAuthenticate(true);
        self.ec("always", P256, &[kept()], &[derives(), vec![always]].concat());
        // The private half of one pair with the public half of another.
        self.ec("crossed", P256, &[lost()], &derives());
        self.ec("crossed", P256, &[kept()], &[lost(), Attribute::Derive(true)]);
        self.ec("twice", P256, &[kept()], &derives());
        self.ec("twice", P256, &[kept()], &derives());
        self.rsa("rsa-signs", 2048, &[1, 0, 1], &[Attribute::Decrypt(false)]);
        self.rsa("rsa1024", 1024, &[1, 0, 1], &[Attribute::Decrypt(true)]);
        self.rsa("rsa-3", 2048, &[3], &[Attribute::Decrypt(true)]);
        let out = [Attribute::Extractable(true), Attribute::Sensitive(false)];
        self.ec("leaves", P256, &[kept()], &[derives(), out.into()].concat());
        // Halves that only a label joins, beside others without an id.
        for label in ["plain", "plain-too"] {
            let (label, params) =
                (Attribute::Label(label.into()), Attribute::EcParams(P256.into()));
            let public = [kept(), label.clone(), params];
            let private = [derives(), vec![label]].concat();
            self.make(&Mechanism::EccKeyPairGen, &public, &private);
        }
    }
}

/// REC-41, REC-44: each is refused for its own reason, and no public half is written.
#[test]
fn keys_that_would_not_open_are_refused() {
    if SoftHsm::within().is_some() {
        return Maker::new().all();
    }
    let hsm = SoftHsm::new();
    hsm.again("unsuitable::keys_that_would_not_open_are_refused");
    for (label, code, why) in [
        ("signs", "unsuitable_key", "CKA_DERIVE"),
        ("p384", "unsuitable_key", "only P-256"),
        ("half", "unsuitable_key", "does not have its public half"),
        ("always", "unsuitable_key", "at every use"),
        ("twice", "no_key", "2 keys"),
        ("rsa-signs", "unsuitable_key", "CKA_DECRYPT"),
        ("rsa1024", "unsuitable_key", "RSA with 2048, 3072 or 4096"),
        ("rsa-3", "unsuitable_key", "exponent"),
    ] {
        let (got, message) = hsm.public(label).refused(2);
        assert!(got == code && message.contains(why), "{label}: {got}: {message}");
        assert!(!hsm.0.path(&format!("{label}.pub")).exists());
    }
    let (code, message) = hsm.public("crossed").refused(6);
    assert!(code == "token_failed" && message.contains("does not open"), "{message}");
    assert!(!hsm.0.path("crossed.pub").exists());

    for label in ["plain", "plain-too"] {
        assert_eq!(hsm.public(label).ok()["never_leaves"], true);
    }
    let shown = hsm.public("leaves").ok();
    assert_eq!(shown["never_leaves"], false, "REC-45: it is told");
}

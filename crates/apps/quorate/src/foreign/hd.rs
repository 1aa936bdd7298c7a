//! Mnemonics and the keys below them: BIP-39, BIP-32 with hardened steps, and SLIP-10 for P-256, and
//! for Ed25519, which has hardened steps only.

use super::{ForeignError, ForeignKey, expand};
use bip39::{Language, Mnemonic};
use hmac::{Hmac, Mac};
use quorate_curve::{Curve, P256, Secp256k1, SecretScalar};
use quorate_identity::Scheme;
use sha2::Sha512;
use std::str::FromStr;
use zeroize::Zeroizing;

/// The first hardened index.
const HARDENED: u32 = 1 << 31;
/// Most steps of a path.
const STEPS_MAX: usize = 16;

/// A path from the master key, with hardened steps: `m/44'/60'/0'/0/0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HdPath(Vec<u32>);

impl FromStr for HdPath {
    type Err = ForeignError;

    fn from_str(text: &str) -> Result<Self, ForeignError> {
        let form = "write it as m/44'/60'/0'/0/0";
        let mut parts = text.trim().split('/');
        if parts.next() != Some("m") {
            return Err(ForeignError::Path(form));
        }
        let step = |part: &str| {
            let plain = part.strip_suffix(['\'', 'h', 'H']);
            let digits = plain.unwrap_or(part);
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let index = digits.parse::<u32>().ok().filter(|index| is_number && *index < HARDENED);
            let index = index.ok_or(ForeignError::Path(form))?;
            Ok(if plain.is_some() { index | HARDENED } else { index })
        };
        let steps: Vec<u32> = parts.map(step).collect::<Result<_, ForeignError>>()?;
        if steps.len() > STEPS_MAX {
            return Err(ForeignError::Path("it has too many steps"));
        }
        Ok(Self(steps))
    }
}

/// The key at a path below an English mnemonic, with the passphrase that some wallets add. Of
/// secp256k1 and P-256 it keeps its chain code, so that its own children stay what they were.
///
/// # Errors
/// [`ForeignError`].
pub fn mnemonic(
    words: &str,
    passphrase: &str,
    path: &HdPath,
    scheme: Scheme,
) -> Result<ForeignKey, ForeignError> {
    let parsed = Mnemonic::parse_in(Language::English, words.trim());
    let mnemonic = parsed.map_err(|error| ForeignError::Mnemonic(error.to_string()))?;
    let seed = Zeroizing::new(mnemonic.to_seed(passphrase));
    below_seed(&*seed, path, scheme)
}

/// The key at a path below a seed of BIP-32 or SLIP-10.
fn below_seed(seed: &[u8], path: &HdPath, scheme: Scheme) -> Result<ForeignKey, ForeignError> {
    let mut node = match scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => Node::of(&*mac(b"Bitcoin seed", &[seed])?),
        Scheme::Ed25519 => Node::of(&*mac(b"ed25519 seed", &[seed])?),
        Scheme::EcdsaP256 => Node::master_p256(seed)?,
    };
    for index in &path.0 {
        node = match scheme {
            Scheme::EcdsaSecp256k1 | Scheme::Bip340 => node.step_secp256k1(*index)?,
            Scheme::Ed25519 => node.step_ed25519(*index)?,
            Scheme::EcdsaP256 => node.step_p256(*index)?,
        };
    }
    match scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 | Scheme::EcdsaP256 => {
            ForeignKey::new(&node.secret, scheme, Some(*node.chain_code))
        }
        // Its chain code leads to hardened children only, which shares do not have.
        Scheme::Ed25519 => expand(&node.secret),
    }
}

const NO_KEY: ForeignError = ForeignError::Path("it leads to no key; use the next index");

/// A key with its chain code. Secret.
struct Node {
    secret: Zeroizing<[u8; 32]>,
    chain_code: Zeroizing<[u8; 32]>,
}

impl Node {
    fn of(bytes: &[u8; 64]) -> Self {
        let half = |from: usize| {
            let mut half = Zeroizing::new([0; 32]);
            for (to, byte) in half.iter_mut().zip(bytes.iter().skip(from)) {
                *to = *byte;
            }
            half
        };
        Self { secret: half(0), chain_code: half(32) }
    }

    /// SLIP-10: what is no key is hashed once more.
    fn master_p256(seed: &[u8]) -> Result<Self, ForeignError> {
        const SALT: &[u8] = b"Nist256p1 seed";
        let mut made = Self::of(&*mac(SALT, &[seed])?);
        while made.plus_scalar(&SecretScalar::<P256>::zero()).is_none() {
            made = Self::of(&*mac(SALT, &[&*made.secret, &*made.chain_code])?);
        }
        Ok(made)
    }

    /// BIP-32, private parent to private child.
    fn step_secp256k1(&self, index: u32) -> Result<Self, ForeignError> {
        let (parent, made) = self.hashed::<Secp256k1>(index)?;
        made.plus_scalar(&parent).ok_or(NO_KEY)
    }

    /// SLIP-10: as BIP-32, but what is no key is hashed once more.
    fn step_p256(&self, index: u32) -> Result<Self, ForeignError> {
        let (parent, mut made) = self.hashed::<P256>(index)?;
        loop {
            if let Some(child) = made.plus_scalar(&parent) {
                return Ok(child);
            }
            let again: [&[u8]; 3] = [&[1], &*made.chain_code, &index.to_be_bytes()];
            made = Self::of(&*mac(&*self.chain_code, &again)?);
        }
    }

    /// The scalar, and what BIP-32 hashes of it for a child.
    fn hashed<C: Curve>(&self, index: u32) -> Result<(SecretScalar<C>, Self), ForeignError> {
        let parent = SecretScalar::<C>::from_bytes(&*self.secret).map_err(|_| NO_KEY)?;
        let index_bytes = index.to_be_bytes();
        let made = if index >= HARDENED {
            mac(&*self.chain_code, &[&[0], &*self.secret, &index_bytes])?
        } else {
            let public = parent.commit().non_identity();
            let public = public.map_err(|_| ForeignError::Scalar)?.to_bytes();
            mac(&*self.chain_code, &[&public, &index_bytes])?
        };
        Ok((parent, Self::of(&made)))
    }

    /// Its key plus a scalar; nothing where it is not below the order, or the sum is zero.
    fn plus_scalar<C: Curve>(&self, scalar: &SecretScalar<C>) -> Option<Self> {
        let sum = scalar.plus(&SecretScalar::from_bytes(&*self.secret).ok()?);
        sum.commit().non_identity().ok()?;
        Some(Self { secret: sum.to_bytes(), chain_code: self.chain_code.clone() })
    }

    /// SLIP-10.
    fn step_ed25519(&self, index: u32) -> Result<Self, ForeignError> {
        if index < HARDENED {
            return Err(ForeignError::Path("keys of Ed25519 have hardened steps only: m/44'/0'"));
        }
        Ok(Self::of(&*mac(&*self.chain_code, &[&[0], &*self.secret, &index.to_be_bytes()])?))
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Result<Zeroizing<[u8; 64]>, ForeignError> {
    let mac = Hmac::<Sha512>::new_from_slice(key);
    let mut mac = mac.map_err(|_| ForeignError::Form("a key for HMAC"))?;
    parts.iter().for_each(|part| mac.update(part));
    let mut bytes = Zeroizing::new([0; 64]);
    bytes.copy_from_slice(&mac.finalize().into_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::hex;

    fn seed(text: &str) -> Vec<u8> {
        hex::decode(&format!("0x{text}")).unwrap()
    }

    fn path(text: &str) -> HdPath {
        text.parse().unwrap()
    }

    /// IMP-10: vectors of the mnemonic's own specification, with the passphrase TREZOR.
    #[test]
    fn mnemonics_become_the_seeds_of_their_specification() {
        let about = "abandon abandon abandon abandon abandon abandon abandon abandon abandon \
                     abandon abandon about";
        let vectors = [
            (
                about,
                "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264\
                 c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04",
            ),
            (
                "legal winner thank year wave sausage worth useful legal winner thank yellow",
                "2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6fa457fe1296106559a3\
                 c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607",
            ),
            (
                "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong",
                "ac27495480225222079d7be181583751e86f571027b0497b5b5d11218e0a8a13332572917f0f8e5a58\
                 9620c6f15b11c61dee327651a14c34e18231052e48c069",
            ),
        ];
        for (words, expected) in vectors {
            let made = mnemonic(words, "TREZOR", &path("m"), Scheme::EcdsaSecp256k1).unwrap();
            let below = below_seed(&seed(expected), &path("m"), Scheme::EcdsaSecp256k1).unwrap();
            assert_eq!(*made.secret(), *below.secret());
            assert_eq!(made.chain_code(), below.chain_code());
        }
        let wrong = about.replace("about", "abandon");
        let refused = |words: &str| mnemonic(words, "", &path("m"), Scheme::Bip340).unwrap_err();
        assert!(matches!(refused(&wrong), ForeignError::Mnemonic(_)));
        assert!(matches!(refused("one two three"), ForeignError::Mnemonic(_)));
        // The error names no word.
        assert!(!refused(&about.replace("about", "aboard-x")).to_string().contains("aboard"));
    }

    /// IMP-10: the first address of this mnemonic in wallets for Ethereum.
    #[test]
    fn a_wallets_first_key_is_found() {
        let words = "test test test test test test test test test test test junk";
        let key = mnemonic(words, "", &path("m/44'/60'/0'/0/0"), Scheme::EcdsaSecp256k1).unwrap();
        let secret = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
        assert_eq!(hex::encode(&*key.secret()), secret);
        let address = quorate_intent::ethereum_address(&key.public().unwrap()).unwrap();
        assert_eq!(address, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    }

    /// IMP-10: test vector 1 of BIP-32, hardened and other steps.
    #[test]
    fn hardened_and_other_steps_follow_bip_32() {
        let master = seed("000102030405060708090a0b0c0d0e0f");
        let vectors = [
            (
                "m",
                "e8f32e723decf4051aefac8e2c93c9c5b214313817cdb01a1494b917c8436b35",
                "873dff81c02f525623fd1fe5167eac3a55a049de3d314bb42ee227ffed37d508",
            ),
            (
                "m/0'",
                "edb2e14f9ee77d26dd93b4ecede8d16ed408ce149b6cd80b0715a2d911a0afea",
                "47fdacbd0f1097043b78c63c20c34ef4ed9a111d980047ad16282c7ae6236141",
            ),
            (
                "m/0h/1",
                "3c6cb8d0f6a264c91ea8b5030fadaa8e538b020f0a387421a12de9319dc93368",
                "2a7857631386ba23dacac34180dd1983734e444fdbf774041578e9b6adb37c19",
            ),
            (
                "m/0'/1/2'/2/1000000000",
                "471b76e389e528d6de6d816857e012c5455051cad6660850e58372a6c3e6e7c8",
                "c783e67b921d2beb8f6b389cc646d7263b4145701dadd2161548a8b078e65e9e",
            ),
        ];
        for (at, secret, chain_code) in vectors {
            let key = below_seed(&master, &path(at), Scheme::EcdsaSecp256k1).unwrap();
            assert_eq!(key.secret().to_vec(), seed(secret), "{at}");
            assert_eq!(key.chain_code().unwrap().to_vec(), seed(chain_code), "{at}");
        }
    }

    /// IMP-10: test vector 1 of SLIP-10 for P-256, and those where a step and a seed are hashed again.
    #[test]
    fn keys_of_p256_follow_slip_10() {
        let first = "000102030405060708090a0b0c0d0e0f";
        let vectors = [
            (
                first,
                "m",
                "612091aaa12e22dd2abef664f8a01a82cae99ad7441b7ef8110424915c268bc2",
                "beeb672fe4621673f722f38529c07392fecaa61015c80c34f29ce8b41b3cb6ea",
            ),
            (
                first,
                "m/0'/1/2'/2/1000000000",
                "21c4f269ef0a5fd1badf47eeacebeeaa3de22eb8e5b0adcd0f27dd99d34d0119",
                "b9b7b82d326bb9cb5b5b121066feea4eb93d5241103c9e7a18aad40f1dde8059",
            ),
            (
                first,
                "m/28578'",
                "06f0db126f023755d0b8d86d4591718a5210dd8d024e3e14b6159d63f53aa669",
                "e94c8ebe30c2250a14713212f6449b20f3329105ea15b652ca5bdfc68f6c65c2",
            ),
            (
                first,
                "m/28578'/33941",
                "092154eed4af83e078ff9b84322015aefe5769e31270f62c3f66c33888335f3a",
                "9e87fe95031f14736774cd82f25fd885065cb7c358c1edf813c72af535e83071",
            ),
            (
                "a7305bc8df8d0951f0cb224c0e95d7707cbdf2c6ce7e8d481fec69c7ff5e9446",
                "m",
                "3b8c18469a4634517d6d0b65448f8e6c62091b45540a1743c5846be55d47d88f",
                "7762f9729fed06121fd13f326884c82f59aa95c57ac492ce8c9654e60efd130c",
            ),
        ];
        for (master, at, secret, chain_code) in vectors {
            let key = below_seed(&seed(master), &path(at), Scheme::EcdsaP256).unwrap();
            assert_eq!(key.secret().to_vec(), seed(secret), "{at}");
            assert_eq!(key.chain_code().unwrap().to_vec(), seed(chain_code), "{at}");
        }
    }

    /// IMP-10: test vector 1 of SLIP-10 for Ed25519.
    #[test]
    fn keys_of_ed25519_follow_slip_10() {
        let master = seed("000102030405060708090a0b0c0d0e0f");
        let vectors = [
            ("m", "a4b2856bfec510abab89753fac1ac0e1112364e7d250545963f135f2a33188ed"),
            ("m/0'", "8c8a13df77a28f3445213a0f432fde644acaa215fc72dcdf300d5efaa85d350c"),
            ("m/0'/1'", "1932a5270f335bed617d5b935c80aedb1a35bd9fc1e31acafd5372c30f5c1187"),
        ];
        for (at, public) in vectors {
            let key = below_seed(&master, &path(at), Scheme::Ed25519).unwrap();
            assert_eq!(key.public().unwrap(), seed(public), "{at}");
            assert_eq!(key.chain_code(), None);
        }
        assert!(matches!(
            below_seed(&master, &path("m/0"), Scheme::Ed25519),
            Err(ForeignError::Path(_))
        ));
        for bad in ["", "0'", "m/", "m/x", "m/2147483648", "m/-1", "m/+1", "m/1''", "n/0"] {
            assert!(HdPath::from_str(bad).is_err(), "{bad}");
        }
    }
}

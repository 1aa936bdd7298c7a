//! Ethereum's keystore, version 3: a scalar under AES-128-CTR, whose key comes from a password by
//! scrypt or PBKDF2, checked by a hash of Keccak.

use super::{ForeignError, ForeignKey, ITERATIONS_MAX, MEMORY_MAX};
use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use quorate_codec::hex;
use quorate_identity::Scheme;
use serde::Deserialize;
use sha2::Sha256;
use sha3::{Digest, Keccak256};
use zeroize::Zeroizing;

#[derive(Deserialize)]
struct File {
    #[serde(alias = "Crypto")]
    crypto: Crypto,
    version: u64,
    address: Option<String>,
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    ciphertext: String,
    kdf: String,
    kdfparams: KdfParams,
    mac: String,
}

#[derive(Deserialize)]
struct CipherParams {
    iv: String,
}

#[derive(Deserialize)]
struct KdfParams {
    dklen: usize,
    salt: String,
    // of scrypt
    n: Option<u64>,
    r: Option<u32>,
    p: Option<u32>,
    // of PBKDF2
    c: Option<u32>,
    prf: Option<String>,
}

/// The key in a keystore, which the password opens.
///
/// # Errors
/// [`ForeignError`].
pub fn keystore(json: &str, password: &str, scheme: Scheme) -> Result<ForeignKey, ForeignError> {
    if matches!(scheme, Scheme::Ed25519 | Scheme::EcdsaP256) {
        return Err(ForeignError::Scheme("such a keystore", scheme));
    }
    let form = ForeignError::Form("a keystore of Ethereum, version 3");
    let file: File = serde_json::from_str(json).map_err(|_| form.clone())?;
    let Crypto { cipher, cipherparams, ciphertext, kdf, kdfparams, mac } = file.crypto;
    if file.version != 3 {
        return Err(form);
    }
    if cipher != "aes-128-ctr" {
        return Err(ForeignError::Unsupported("another cipher than aes-128-ctr"));
    }
    let read = |text: &str| hex::decode(&format!("0x{}", text.to_ascii_lowercase()));
    let read = |text: &str| read(text).map_err(|_| form.clone());
    let (iv, sealed, mac) = (read(&cipherparams.iv)?, read(&ciphertext)?, read(&mac)?);
    let derived = derive(&kdf, &kdfparams, &read(&kdfparams.salt)?, password)?;
    let (cipher_key, mac_key) = derived.split_at(16);
    let hash = Keccak256::new_with_prefix(mac_key).chain_update(&sealed).finalize();
    if hash.as_slice() != mac.as_slice() {
        return Err(ForeignError::Password);
    }
    let mut secret = Zeroizing::new([0; 32]);
    // Some programs left out leading zeros.
    let zeros = secret.len().checked_sub(sealed.len()).ok_or(ForeignError::Scalar)?;
    let digits = secret.get_mut(zeros..).ok_or(ForeignError::Scalar)?;
    digits.copy_from_slice(&sealed);
    let opened = Ctr128BE::<Aes128>::new_from_slices(cipher_key, &iv);
    opened.map_err(|_| form.clone())?.apply_keystream(digits);
    let key = ForeignKey::new(&secret, scheme, None)?;
    match file.address {
        Some(address) if !is_address_of(&address, &key)? => Err(ForeignError::Address),
        _ => Ok(key),
    }
}

fn is_address_of(address: &str, key: &ForeignKey) -> Result<bool, ForeignError> {
    let made = quorate_intent::ethereum_address(&key.public()?);
    let made = made.map_err(|_| ForeignError::Scalar)?.to_ascii_lowercase();
    let address = address.to_ascii_lowercase();
    Ok(made.trim_start_matches("0x") == address.trim_start_matches("0x"))
}

fn derive(
    kdf: &str,
    params: &KdfParams,
    salt: &[u8],
    password: &str,
) -> Result<Zeroizing<[u8; 32]>, ForeignError> {
    let mut key = Zeroizing::new([0; 32]);
    if params.dklen != key.len() {
        return Err(ForeignError::Unsupported("a derived key of another length than 32"));
    }
    match kdf {
        "scrypt" => {
            let form = || ForeignError::Form("parameters of scrypt");
            let (n, r) = (params.n.ok_or_else(form)?, params.r.ok_or_else(form)?);
            let p = params.p.ok_or_else(form)?;
            let memory = n.saturating_mul(u64::from(r)).saturating_mul(128);
            if !n.is_power_of_two() || memory > MEMORY_MAX || p > 64 {
                return Err(ForeignError::Unsupported("more memory than is given here"));
            }
            let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| form())?;
            if u32::from(log_n) >= r.saturating_mul(16) {
                return Err(ForeignError::Unsupported("parameters that RFC 7914 forbids"));
            }
            let params = scrypt::Params::new(log_n, r, p, key.len()).map_err(|_| form())?;
            scrypt::scrypt(password.as_bytes(), salt, &params, &mut *key).map_err(|_| form())?;
        }
        "pbkdf2" => {
            let c = params.c.filter(|c| (1..=ITERATIONS_MAX).contains(c));
            let c = c.ok_or(ForeignError::Form("parameters of PBKDF2"))?;
            if params.prf.as_deref() != Some("hmac-sha256") {
                return Err(ForeignError::Unsupported("another hash than hmac-sha256"));
            }
            pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, c, &mut *key);
        }
        _ => return Err(ForeignError::Unsupported("another derivation than scrypt or pbkdf2")),
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";

    /// A published vector with a key of 31 bytes, password `foo`.
    const SHORT: &str = r#"{"crypto": {"cipher": "aes-128-ctr",
        "cipherparams": {"iv": "e0c41130a323adc1446fc82f724bca2f"},
        "ciphertext": "9517cd5bdbe69076f9bf5057248c6c050141e970efa36ce53692d5d59a3984",
        "kdf": "scrypt", "kdfparams": {"dklen": 32, "n": 2, "p": 1, "r": 8,
        "salt": "711f816911c92d649fb4c84b047915679933555030b3552c1212609b38208c63"},
        "mac": "d5e116151c6aa71470e67a7d42c9620c75c4d23229847dcc127794f0732b0db5"},
        "address": "d1e64e5480bfaf733ba7d48712decb8227797a4e", "version": 3}"#;

    /// The vectors of the keystore's own definition, password `testpassword`.
    fn vector(kdf: &str) -> String {
        match kdf {
            "pbkdf2" => {
                r#"{"crypto": {"cipher": "aes-128-ctr",
                "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
                "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
                "kdf": "pbkdf2", "kdfparams": {"c": 262144, "dklen": 32, "prf": "hmac-sha256",
                "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
                "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
                "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6", "version": 3}"#
            }
            _ => {
                r#"{"crypto": {"cipher": "aes-128-ctr",
                "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
                "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
                "kdf": "scrypt", "kdfparams": {"dklen": 32, "n": 262144, "p": 8, "r": 1,
                "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
                "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},
                "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6", "version": 3}"#
            }
        }
        .to_owned()
    }

    /// IMP-10.
    #[test]
    fn keystores_open_with_their_password_only() {
        let open = |text: &str, password: &str| keystore(text, password, Scheme::EcdsaSecp256k1);
        let key = open(&vector("pbkdf2"), "testpassword").unwrap();
        assert_eq!(hex::encode(&*key.secret()), SECRET);
        let key = open(SHORT, "foo").unwrap();
        let short = "0x00fa7b3db73dc7dfdf8c5fbdb796d741e4488628c41fc4febd9160a866ba0f35";
        assert_eq!(hex::encode(&*key.secret()), short);
        assert_eq!(open(SHORT, "bar").unwrap_err(), ForeignError::Password);
        // More iterations than its blocks allow, as no wallet writes it.
        let odd = open(&vector("scrypt"), "testpassword");
        assert!(matches!(odd, Err(ForeignError::Unsupported(_))));
        let text = vector("pbkdf2");
        assert_eq!(open(&text, "wrong").unwrap_err(), ForeignError::Password);
        let address = "008aeeda4d805471df9b2a5b0f38a0c3bcba786b";
        let with = |address: &str| text.replacen('{', &format!("{{\"address\": \"{address}\","), 1);
        assert!(open(&with(address), "testpassword").is_ok());
        let other = open(&with(&address.replace('8', "9")), "testpassword");
        assert_eq!(other.unwrap_err(), ForeignError::Address);
        for (from, to) in [
            ("\"version\": 3", "\"version\": 4"),
            ("aes-128-ctr", "aes-128-cbc"),
            ("pbkdf2", "bcrypt"),
            ("hmac-sha256", "hmac-sha512"),
            ("\"dklen\": 32", "\"dklen\": 16"),
            ("262144", "0"),
            ("5318b4d5", "5318b4"),
        ] {
            assert!(open(&text.replace(from, to), "testpassword").is_err(), "{from}");
        }
        let greedy = vector("scrypt").replace("262144", "1073741824");
        assert!(matches!(open(&greedy, "testpassword"), Err(ForeignError::Unsupported(_))));
        assert!(open("{}", "").is_err());
        for scheme in [Scheme::Ed25519, Scheme::EcdsaP256] {
            assert!(keystore(&text, "testpassword", scheme).is_err());
        }
    }
}

//! Output descriptors (BIP-380 to BIP-386): what a wallet needs to list a key's addresses.

use crate::ExtendedKey;
use quorate_identity::Scheme;
use std::fmt;

/// A kind of Bitcoin output that pays to one key: the layouts below an account of BIP-44, BIP-49,
/// BIP-84 and BIP-86.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptType {
    /// BIP-44: `pkh`.
    Pkh,
    /// BIP-49: `sh(wpkh)`.
    ShWpkh,
    /// BIP-84: `wpkh`.
    Wpkh,
    /// BIP-86: `tr` without scripts.
    Tr,
}

impl ScriptType {
    /// What keys of a scheme can spend: one key has one scheme, so `tr` or the others, and off
    /// secp256k1 nothing.
    pub fn of(scheme: Scheme) -> &'static [Self] {
        match scheme {
            Scheme::EcdsaSecp256k1 => &[Self::Pkh, Self::ShWpkh, Self::Wpkh],
            Scheme::Bip340 => &[Self::Tr],
            Scheme::Ed25519 | Scheme::EcdsaP256 => &[],
        }
    }

    /// Its name where a bracket would be in the way.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pkh => "pkh",
            Self::ShWpkh => "sh-wpkh",
            Self::Wpkh => "wpkh",
            Self::Tr => "tr",
        }
    }

    /// The layout that it is below an account.
    pub fn layout(self) -> &'static str {
        match self {
            Self::Pkh => "bip44",
            Self::ShWpkh => "bip49",
            Self::Wpkh => "bip84",
            Self::Tr => "bip86",
        }
    }
}

/// One of the two lists of addresses below an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// `0`: addresses that others pay to.
    Receive,
    /// `1`: where change goes.
    Change,
}

impl Branch {
    /// The paths of its addresses.
    pub fn path(self) -> &'static str {
        match self {
            Self::Receive => "m/0/*",
            Self::Change => "m/1/*",
        }
    }
}

/// A list of addresses of a key, as wallets read it: the key's own fingerprint as its origin, the
/// extended key, the branch, and every index (DER-09).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// The kind of output.
    pub script: ScriptType,
    /// The key.
    pub key: ExtendedKey,
    /// Which list.
    pub branch: Branch,
}

impl Descriptor {
    /// The descriptor without its checksum.
    fn body(&self) -> String {
        let branch = match self.branch {
            Branch::Receive => 0,
            Branch::Change => 1,
        };
        let origin: String =
            self.key.fingerprint().iter().map(|byte| format!("{byte:02x}")).collect();
        let key = format!("[{origin}]{}/{branch}/*", self.key);
        match self.script {
            ScriptType::Pkh => format!("pkh({key})"),
            ScriptType::ShWpkh => format!("sh(wpkh({key}))"),
            ScriptType::Wpkh => format!("wpkh({key})"),
            ScriptType::Tr => format!("tr({key})"),
        }
    }
}

impl fmt::Display for Descriptor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body();
        write!(formatter, "{body}#{}", checksum(&body))
    }
}

/// The characters of a descriptor, in the order in which BIP-380 numbers them: the low five bits of
/// a place enter the checksum one by one, the high bits in threes.
const CHARACTERS: &str = "0123456789()[],'/*abcdefgh@:$%{}\
                          IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~\
                          ijklmnopqrstuvwxyzABCDEFGH`#\"\\ ";
/// The characters of a checksum, those of bech32.
const DIGITS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// The generator of the code, by the bit that is shifted out.
const GENERATOR: [u64; 5] =
    [0xf5_dee5_1989, 0xa9_fdca_3312, 0x1b_ab10_e32d, 0x37_06b1_677a, 0x64_4d62_6ffd];

/// The eight characters that BIP-380 puts behind a descriptor.
fn checksum(body: &str) -> String {
    let mut symbols = Vec::with_capacity(body.len() * 4 / 3 + 9);
    let mut group = Vec::with_capacity(3);
    for character in body.chars() {
        // Whatever this crate writes has only characters of the list.
        let place = CHARACTERS.find(character).unwrap_or_default() as u64;
        symbols.push(place & 31);
        group.push(place >> 5);
        if group.len() == 3 {
            symbols.push(group.drain(..).fold(0, |sum, high| sum * 3 + high));
        }
    }
    if !group.is_empty() {
        symbols.push(group.iter().fold(0, |sum, high| sum * 3 + high));
    }
    symbols.extend([0; 8]);
    let code = symbols.into_iter().fold(1, step) ^ 1;
    let digit = |place: u32| {
        let value = usize::try_from(code >> (5 * (7 - place)) & 31).unwrap_or_default();
        char::from(DIGITS.get(value).copied().unwrap_or_default())
    };
    (0..8).map(digit).collect()
}

/// One symbol of the code over GF(32).
fn step(code: u64, symbol: u64) -> u64 {
    let shifted = ((code & 0x7_ffff_ffff) << 5) ^ symbol;
    let out = (0..).zip(GENERATOR).filter(|(bit, _)| code >> (35 + bit) & 1 == 1);
    out.fold(shifted, |code, (_, generator)| code ^ generator)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of BIP-380 and two of its invalid neighbours.
    #[test]
    fn der_09_checksums_are_those_of_bip_380() {
        assert_eq!(checksum("raw(deadbeef)"), "89f8spxm");
        assert_ne!(checksum("raw(deedbeef)"), "89f8spxm");
        assert_ne!(checksum("raw(deadbeef )"), "89f8spxm");
        assert_eq!(CHARACTERS.len(), 95);
    }
}

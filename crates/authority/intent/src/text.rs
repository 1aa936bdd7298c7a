//! Binary fields of intents: bytes with a longest length that both the JSON and the canonical
//! form enforce, so that an [`Intent`](crate::Intent) that exists is within its limits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};
use quorate_codec::hex;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// At most `MAX` bytes, lower-case 0x-hex in JSON.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hex<const MAX: usize>(Vec<u8>);

/// At most `MAX` bytes, base64 (RFC 4648, section 4) in its one canonical form in JSON.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Base64<const MAX: usize>(Vec<u8>);

macro_rules! binary {
    ($type:ident, $write:expr, $read:expr) => {
        impl<const MAX: usize> $type<MAX> {
            pub fn bytes(&self) -> &[u8] {
                &self.0
            }

            fn new(bytes: Vec<u8>) -> Result<Self, String> {
                if bytes.len() <= MAX {
                    return Ok(Self(bytes));
                }
                Err(format!("{} bytes, at most {MAX} are allowed", bytes.len()))
            }
        }

        impl<const MAX: usize> Serialize for $type<MAX> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&$write(&self.0))
            }
        }

        impl<'de, const MAX: usize> Deserialize<'de> for $type<MAX> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Cow<'de, str>>::deserialize(deserializer)?;
                $read(&text).and_then(Self::new).map_err(D::Error::custom)
            }
        }

        impl<C, const MAX: usize> Encode<C> for $type<MAX> {
            fn encode<W: Write>(
                &self,
                encoder: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), EncodeError<W::Error>> {
                encoder.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C, const MAX: usize> Decode<'b, C> for $type<MAX> {
            fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, CborError> {
                Self::new(decoder.bytes()?.to_vec()).map_err(CborError::message)
            }
        }

        impl<const MAX: usize> fmt::Debug for $type<MAX> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&hex::encode(&self.0))
            }
        }
    };
}

binary!(Hex, hex::encode, read_hex);
binary!(Base64, |bytes: &[u8]| STANDARD.encode(bytes), read_base64);

fn read_hex(text: &str) -> Result<Vec<u8>, String> {
    hex::decode(text).map_err(|error| error.to_string())
}

fn read_base64(text: &str) -> Result<Vec<u8>, String> {
    // The engine refuses line breaks, missing padding and stray bits: one text for the bytes.
    STANDARD.decode(text).map_err(|_| "not base64 with padding and without line breaks".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn int_01_binary_has_one_text_and_a_longest_length() {
        let hex = |text: &str| serde_json::from_str::<Hex<2>>(&format!("\"{text}\""));
        assert_eq!(hex("0x00ff").unwrap().bytes(), [0, 255]);
        for bad in ["00ff", "0x00FF", "0X00ff", "0x0", "0x00 ff", "0x000000"] {
            assert!(hex(bad).is_err(), "{bad}");
        }
        let base64 = |text: &str| serde_json::from_str::<Base64<2>>(&format!("\"{text}\""));
        assert_eq!(base64("AP8=").unwrap().bytes(), [0, 255]);
        for bad in ["AP8", "AP9=", "AP8=\\n", "AP8==", "A-8=", "AAAA"] {
            assert!(base64(bad).is_err(), "{bad}");
        }
        let long = quorate_codec::to_bytes(&minicbor::bytes::ByteVec::from(vec![0; 3]));
        assert!(minicbor::decode::<Hex<2>>(&long).is_err());
    }
}

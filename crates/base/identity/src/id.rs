//! Ids: hashes of the statements that enrol or order something. They never change; keys and
//! names are attributes of what an id means (IDN-11).

use crate::text::serde_as_text;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, hex::HexError};
use std::fmt;
use std::str::FromStr;

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// Public. Text form: `0x` and 64 lower-case hex digits; canonical form: 32 bytes.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] pub Digest);

        impl $name {
            /// The hash that the id is.
            pub fn digest(&self) -> Digest {
                self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                self.0.as_ref()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }

        impl FromStr for $name {
            type Err = HexError;

            fn from_str(text: &str) -> Result<Self, HexError> {
                text.parse().map(Self)
            }
        }

        impl Canonical for $name {
            const BYTES_MAX: usize = 34;
        }

        serde_as_text!($name);
    )*};
}

id_types! {
    /// A node: hash of its enrolment.
    NodeId;
    /// A person: hash of the statement that enrols them.
    PersonId;
    /// A service: hash of the statement that enrols it.
    ServiceId;
    /// A key: hash of the motion that orders it.
    KeyId;
    /// A custodian's key: hash of its encoding.
    RecoveryKeyId;
    /// A request: hash of its signed bytes.
    RequestId;
    /// A motion: hash of its signed bytes.
    MotionId;
    /// A domain: hash of its genesis.
    GenesisHash;
    /// A tip of the charter: hash of its last entry, or of the genesis.
    Head;
}

/// Who files requests and calls: a person or a service. Text form `person:0x…` or
/// `service:0x…`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum ActorId {
    /// A person.
    #[n(0)]
    Person(#[n(0)] PersonId),
    /// A program.
    #[n(1)]
    Service(#[n(0)] ServiceId),
}

/// A text that is not an [`ActorId`]; the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActorIdError {
    /// Neither `person:` nor `service:`.
    #[error("an actor is person:0x… or service:0x…")]
    Kind,
    /// The id itself is malformed.
    #[error(transparent)]
    Id(#[from] HexError),
}

impl fmt::Display for ActorId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(formatter, "person:{id}"),
            Self::Service(id) => write!(formatter, "service:{id}"),
        }
    }
}

impl fmt::Debug for ActorId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for ActorId {
    type Err = ActorIdError;

    fn from_str(text: &str) -> Result<Self, ActorIdError> {
        match text.split_once(':') {
            Some(("person", id)) => Ok(Self::Person(id.parse()?)),
            Some(("service", id)) => Ok(Self::Service(id.parse()?)),
            _ => Err(ActorIdError::Kind),
        }
    }
}

impl Canonical for ActorId {
    const BYTES_MAX: usize = 37;
}

serde_as_text!(ActorId);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quorate_codec::{from_bytes, to_bytes};

    proptest! {
        #[test]
        fn ids_round_trip_in_both_forms(bytes: [u8; 32], person: bool) {
            let digest = Digest(bytes);
            let id = NodeId(digest);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(from_bytes(&to_bytes(&id)), Ok(id));
            prop_assert_eq!(to_bytes(&id).len(), NodeId::BYTES_MAX);
            let actor = match person {
                true => ActorId::Person(PersonId(digest)),
                false => ActorId::Service(ServiceId(digest)),
            };
            prop_assert_eq!(actor.to_string().parse(), Ok(actor));
            prop_assert_eq!(from_bytes(&to_bytes(&actor)), Ok(actor));
            prop_assert_eq!(to_bytes(&actor).len(), ActorId::BYTES_MAX);
        }
    }

    #[test]
    fn neg_009_ids_have_one_length_and_one_text() {
        assert!(
            from_bytes::<NodeId>(&to_bytes(&minicbor::bytes::ByteVec::from(vec![0; 31]))).is_err()
        );
        assert!("0x00".parse::<NodeId>().is_err());
        assert!(Digest::ZERO.to_string().replace("0x", "0X").parse::<NodeId>().is_err());
        assert_eq!("node:0x00".parse::<ActorId>(), Err(ActorIdError::Kind));
    }
}

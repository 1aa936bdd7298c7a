//! Presignatures, whatever their curve.

use quorate_codec::Digest;
use quorate_curve::{P256, Secp256k1};
use quorate_ecdsa::{EcdsaCurve, presign};
use std::fmt;

/// A signature of which only the message is missing: made by [`crate::open_ahead`], consumed by
/// [`crate::open`], whose permit says what it signs. Like a nonce it has no form that could be
/// stored (ECD-14). Secret.
pub struct Presignature(OfCurve);

enum OfCurve {
    Secp256k1(presign::Presignature<Secp256k1>),
    P256(presign::Presignature<P256>),
}

impl Presignature {
    /// Its name, the same at all nodes of its quorum.
    pub fn name(&self) -> Digest {
        match &self.0 {
            OfCurve::Secp256k1(presignature) => presignature.name(),
            OfCurve::P256(presignature) => presignature.name(),
        }
    }
}

/// A curve of which there are presignatures.
pub(crate) trait Presigned: EcdsaCurve {
    /// Forgets the curve.
    fn erase(presignature: presign::Presignature<Self>) -> Presignature;
    /// Remembers it, if it was this one.
    fn reveal(presignature: Presignature) -> Option<presign::Presignature<Self>>;
}

impl Presigned for Secp256k1 {
    fn erase(presignature: presign::Presignature<Self>) -> Presignature {
        Presignature(OfCurve::Secp256k1(presignature))
    }

    fn reveal(presignature: Presignature) -> Option<presign::Presignature<Self>> {
        match presignature.0 {
            OfCurve::Secp256k1(presignature) => Some(presignature),
            OfCurve::P256(_) => None,
        }
    }
}

impl Presigned for P256 {
    fn erase(presignature: presign::Presignature<Self>) -> Presignature {
        Presignature(OfCurve::P256(presignature))
    }

    fn reveal(presignature: Presignature) -> Option<presign::Presignature<Self>> {
        match presignature.0 {
            OfCurve::P256(presignature) => Some(presignature),
            OfCurve::Secp256k1(_) => None,
        }
    }
}

impl fmt::Debug for Presignature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Presignature(secret)")
    }
}

//! The form of all messages of this crate, and the bridge to the library's generation of curve
//! types, which are reached by bytes alone
//! (ECD-02).

use crate::EcdsaError;
use k256_14::elliptic_curve::PrimeField;
use k256_14::elliptic_curve::group::GroupEncoding;
use k256_14::{AffinePoint, FieldBytes, Scalar};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest};
use quorate_identity::NodeId;
use zeroize::Zeroize;

/// Every message: what run it belongs to, and items of one fixed length (ECD-03).
#[derive(Encode, Decode)]
struct Message {
    #[n(0)]
    run: Digest,
    #[n(1)]
    items: Vec<ByteVec>,
}

impl Canonical for Message {
    const BYTES_MAX: usize = 4 << 20;
}

/// Encodes the items of a message of `run`.
pub(crate) fn encode(run: Digest, items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let items = items.into_iter().map(ByteVec::from).collect();
    quorate_codec::to_bytes(&Message { run, items })
}

/// Reads a message of `run` with exactly `count` items of exactly `length` bytes.
///
/// # Errors
/// The sender's fault if the form is wrong. Nobody's in particular if it belongs to another run:
/// a third party can make two honest ones see different runs.
pub(crate) fn decode(
    bytes: &[u8],
    sender: NodeId,
    run: Digest,
    count: usize,
    length: usize,
) -> Result<Vec<Vec<u8>>, EcdsaError> {
    let message: Message =
        quorate_codec::from_bytes(bytes).map_err(|_| EcdsaError::malformed(sender))?;
    if message.run != run {
        return Err(EcdsaError::unattributed("a message of another run"));
    }
    let exact = message.items.len() == count
        && message.items.iter().all(|item| item.as_slice().len() == length);
    if !exact {
        return Err(EcdsaError::malformed(sender));
    }
    Ok(message.items.into_iter().map(Into::into).collect())
}

/// Reads an item from its beginning. Every method takes what comes next, or `None` if the bytes
/// are not the one encoding of it.
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    pub fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }

    /// A canonical scalar (N-09).
    pub fn scalar(&mut self) -> Option<Scalar> {
        scalar(self.bytes()?)
    }

    /// A canonical point other than the identity (N-05, N-06, N-09).
    pub fn point(&mut self) -> Option<AffinePoint> {
        point(&self.bytes()?)
    }

    pub fn scalars(&mut self, count: usize) -> Option<Vec<Scalar>> {
        (0..count).map(|_| self.scalar()).collect()
    }

    pub fn arrays<const N: usize>(&mut self, count: usize) -> Option<Vec<[u8; N]>> {
        (0..count).map(|_| self.bytes()).collect()
    }
}

/// The scalar with this canonical big-endian encoding.
pub(crate) fn scalar(mut bytes: [u8; 32]) -> Option<Scalar> {
    let scalar = Scalar::from_repr(FieldBytes::from(bytes)).into_option();
    bytes.zeroize();
    scalar
}

/// The point with this compressed SEC1 encoding. The library's own decoder knows a padded
/// encoding of the identity, which is refused here.
pub(crate) fn point(bytes: &[u8; 33]) -> Option<AffinePoint> {
    if !matches!(bytes.first(), Some(0x02 | 0x03)) {
        return None;
    }
    let mut encoding = <AffinePoint as GroupEncoding>::Repr::default();
    encoding.as_mut_slice().copy_from_slice(bytes);
    <AffinePoint as GroupEncoding>::from_bytes(&encoding).into_option()
}

pub(crate) fn scalar_bytes(scalar: &Scalar) -> [u8; 32] {
    scalar.to_repr().into()
}

pub(crate) fn point_bytes(point: &AffinePoint) -> [u8; 33] {
    let mut bytes = [0; 33];
    bytes.copy_from_slice(GroupEncoding::to_bytes(point).as_slice());
    bytes
}

/// Changes the items of a message, as a malicious sender would.
#[cfg(test)]
pub(crate) fn edit(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let message: Message = quorate_codec::from_bytes(bytes).unwrap();
    let mut items = message.items.into_iter().map(Into::into).collect();
    change(&mut items);
    *bytes = encode(message.run, items);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SENDER: NodeId = NodeId(Digest([1; 32]));

    /// ECD-03, ECD-04.
    #[test]
    fn neg_006_the_identity_has_no_encoding() {
        assert_eq!(point(&[0; 33]), None);
        let generator = point_bytes(&AffinePoint::GENERATOR);
        assert_eq!(point(&generator), Some(AffinePoint::GENERATOR));
        let mut other_tag = generator;
        other_tag[0] = 0x05;
        assert_eq!(point(&other_tag), None);
    }

    /// ECD-04.
    #[test]
    fn neg_005_a_point_off_the_curve_is_refused() {
        let mut bytes = point_bytes(&AffinePoint::GENERATOR);
        bytes[1..].fill(0);
        bytes[32] = 5; // x = 5 is on no point of the curve
        assert_eq!(point(&bytes), None);
    }

    /// ECD-04.
    #[test]
    fn neg_009_scalars_at_and_above_the_order_are_refused() {
        assert_eq!(scalar([0xff; 32]), None);
        let largest = scalar_bytes(&-Scalar::ONE);
        assert_eq!(scalar(largest), Some(-Scalar::ONE));
        let mut order = largest;
        order[31] += 1;
        assert_eq!(scalar(order), None);
    }

    proptest! {
        /// ECD-03: exact counts, exact lengths, no other run.
        #[test]
        fn neg_007_a_message_has_exact_counts_and_lengths(
            count in 0_usize..4, length in 0_usize..4, want in 0_usize..4, size in 0_usize..4,
        ) {
            let bytes = encode(Digest::ZERO, vec![vec![7; length]; count]);
            let decoded = decode(&bytes, SENDER, Digest::ZERO, want, size);
            prop_assert_eq!(decoded.is_ok(), count == want && (count == 0 || length == size));
            let other = decode(&bytes, SENDER, Digest([1; 32]), count, length).unwrap_err();
            prop_assert_eq!(other.fault, crate::Fault::Peers(Vec::new()));
        }

        #[test]
        fn neg_010_garbage_is_malformed(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let error = decode(&bytes, SENDER, Digest::ZERO, 1, 1).unwrap_err();
            prop_assert_eq!(error, EcdsaError::malformed(SENDER));
        }
    }
}

//! The gadget of each curve: as many public scalars as there are choices.

use quorate_codec::{Transcript, tag};
use quorate_curve::{Curve, Factors, Order, P256, Scalar, Secp256k1};
use std::sync::OnceLock;

/// ξ = 256 + 2 · 80 transfers a product: whoever learns some of Bob's choices by lying about single
/// transfers is caught, or his factor is still as good as uniform, but for 2^-80.
pub(crate) const TRANSFERS: usize = 416;

/// A curve for whose scalars products are made.
pub trait ProductCurve: Order {
    /// Bytes of a pad that are reduced to one scalar: so many that the bias is below 2^-127.
    const PAD_BYTES: usize;

    /// The gadget: uniform, from a tag and the curve, the same for everybody (PAI-13).
    fn gadget() -> &'static Factors<Self>;
}

impl ProductCurve for Secp256k1 {
    const PAD_BYTES: usize = 32;

    fn gadget() -> &'static Factors<Self> {
        static GADGET: OnceLock<Factors<Secp256k1>> = OnceLock::new();
        GADGET.get_or_init(|| Factors::new(&gadget()))
    }
}

impl ProductCurve for P256 {
    const PAD_BYTES: usize = 48;

    fn gadget() -> &'static Factors<Self> {
        static GADGET: OnceLock<Factors<P256>> = OnceLock::new();
        GADGET.get_or_init(|| Factors::new(&gadget()))
    }
}

/// Its scalars.
pub(super) fn gadget<C: Curve>() -> Vec<Scalar<C>> {
    let scalar = |number| {
        let wide = Transcript::new(tag::PAIR_GADGET).part(C::NAME).number(number as u64).wide();
        Scalar::from_wide(&wide)
    };
    (0..TRANSFERS).map(scalar).collect()
}

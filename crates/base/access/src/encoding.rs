//! The canonical encoding: a leaf is `[party]`, a gate `[threshold, [child, …]]` (ACC-04).

use crate::limits::{DEPTH_MAX, LEAVES_MAX};
use crate::tree::{Tree, check_gate};
use minicbor::decode::{Decode, Decoder, Error as DecodeError};
use minicbor::encode::{Encode, Encoder, Error as EncodeError, Write};
use quorate_codec::Canonical;

impl<C, P: Encode<C>> Encode<C> for Tree<P> {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        match self {
            Self::Leaf(party) => party.encode(encoder.array(1)?, context),
            Self::Gate(gate) => {
                encoder.array(2)?.u8(gate.threshold())?.array(gate.children().len() as u64)?;
                gate.children().iter().try_for_each(|child| child.encode(encoder, context))
            }
        }
    }
}

impl<'b, C, P: Decode<'b, C> + Ord> Decode<'b, C> for Tree<P> {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, DecodeError> {
        subtree(decoder, context, 0, &mut 0)
    }
}

impl<P: Canonical + Ord> Canonical for Tree<P> {
    // A leaf adds one byte to its party; at most as many gates as leaves, of at most 5 bytes.
    const BYTES_MAX: usize = LEAVES_MAX * (P::BYTES_MAX + 1 + 5);
}

/// A subtree that stands below `depth` gates; the limits hold before anything is collected.
fn subtree<'b, C, P: Decode<'b, C> + Ord>(
    decoder: &mut Decoder<'b>,
    context: &mut C,
    depth: usize,
    leaves: &mut usize,
) -> Result<Tree<P>, DecodeError> {
    match decoder.array()? {
        Some(1) => {
            *leaves += 1;
            if *leaves > LEAVES_MAX {
                return Err(DecodeError::message("too many leaves"));
            }
            P::decode(decoder, context).map(Tree::Leaf)
        }
        Some(2) => {
            if depth == DEPTH_MAX {
                return Err(DecodeError::message("too deep"));
            }
            let threshold = decoder.u8()?;
            let count = decoder.array()?.and_then(|count| usize::try_from(count).ok());
            let count = count.ok_or_else(|| DecodeError::message("not a list of children"))?;
            check_gate(u64::from(threshold), count).map_err(DecodeError::message)?;
            let children = (0..count)
                .map(|_| subtree(decoder, context, depth + 1, leaves))
                .collect::<Result<_, _>>()?;
            Tree::gate(threshold, children).map_err(DecodeError::message)
        }
        _ => Err(DecodeError::message("neither a leaf nor a gate")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::trees;
    use proptest::prelude::*;
    use quorate_codec::{Digest, from_bytes, to_bytes};

    /// A party with a canonical form, as ids have.
    #[derive(
        Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, minicbor::Encode, minicbor::Decode,
    )]
    #[cbor(transparent)]
    struct Party(#[n(0)] Digest);

    impl Canonical for Party {
        const BYTES_MAX: usize = 34;
    }

    impl std::fmt::Display for Party {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(formatter)
        }
    }

    #[derive(
        Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, minicbor::Encode, minicbor::Decode,
    )]
    #[cbor(transparent)]
    struct Small(#[n(0)] u8);

    impl Canonical for Small {
        const BYTES_MAX: usize = 2;
    }

    impl std::fmt::Display for Small {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(formatter)
        }
    }

    fn decode(bytes: &[u8]) -> Option<Tree<Small>> {
        from_bytes(bytes).ok()
    }

    #[test]
    fn the_encoding_is_what_the_spec_says() {
        let two = vec![Tree::Leaf(Small(7)), Tree::Leaf(Small(9))];
        let tree = Tree::gate(2, two).unwrap();
        assert_eq!(to_bytes(&tree), [0x82, 2, 0x82, 0x81, 7, 0x81, 9]);
        assert_eq!(to_bytes(&Tree::Leaf(Small(7))), [0x81, 7]);
    }

    #[test]
    fn neg_010_other_encodings_of_a_tree_are_refused() {
        let canonical = [0x82, 2, 0x82, 0x81, 7, 0x81, 9];
        assert!(decode(&canonical).is_some());
        let malformed: [&[u8]; 9] = [
            &[0x82, 0x18, 2, 0x82, 0x81, 7, 0x81, 9], // longer threshold
            &[0x82, 2, 0x98, 2, 0x81, 7, 0x81, 9],    // longer count
            &[0x82, 2, 0x9f, 0x81, 7, 0x81, 9, 0xff], // indefinite list
            &[0x9f, 2, 0x82, 0x81, 7, 0x81, 9, 0xff], // indefinite gate
            &[0x82, 2, 0x82, 0x81, 7, 0x81, 9, 0],    // trailing byte
            &[0x83, 2, 0x82, 0x81, 7, 0x81, 9, 0],    // unknown field
            &[0x82, 2, 0x82, 0x81, 7],                // short
            &[0x80],                                  // nothing
            &[],
        ];
        for bytes in malformed {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn neg_015_ill_formed_gates_never_decode() {
        for bytes in [
            &[0x82, 0, 0x82, 0x81, 7, 0x81, 9][..], // threshold 0
            &[0x82, 3, 0x82, 0x81, 7, 0x81, 9],     // threshold above
            &[0x82, 1, 0x81, 0x81, 7],              // one child
            &[0x82, 0, 0x80],                       // no child
        ] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn neg_015_claimed_sizes_cost_nothing() {
        let huge = [0x82, 1, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(decode(&huge), None);
        let deep: Vec<u8> = [0x82, 1, 0x82].repeat(300);
        assert_eq!(decode(&deep), None);
        let mut wide = vec![0x82, 1, 0x81 + 1];
        for _ in 0..2 {
            wide.extend([0x82, 1, 0x98, 100]);
            wide.extend([0x81, 7].repeat(100));
        }
        assert_eq!(decode(&wide), None);
    }

    #[test]
    fn the_largest_trees_fit_the_limit() {
        let party = |number: usize| Party(Digest([number as u8 % 64; 32]));
        let leaf = |number| Tree::Leaf(party(number));
        let flat = Tree::gate(100, (0..128).map(leaf).collect()).unwrap();
        assert_eq!(from_bytes(&to_bytes(&flat)), Ok(flat));
        let pairs: Vec<_> =
            (0..64).map(|pair| Tree::gate(2, vec![leaf(pair), leaf(pair + 1)]).unwrap()).collect();
        let halves = pairs.chunks(2).map(|pair| Tree::gate(1, pair.to_vec()).unwrap()).collect();
        let bushy = Tree::gate(30, halves).unwrap();
        assert_eq!(bushy.leaf_count(), 128);
        assert_eq!(from_bytes(&to_bytes(&bushy)), Ok(bushy));
    }

    proptest! {
        #[test]
        fn trees_round_trip(tree in trees(12)) {
            let tree = tree.map(|party| Small(*party));
            prop_assert_eq!(decode(&to_bytes(&tree)), Some(tree));
        }

        #[test]
        fn whatever_decodes_is_its_own_encoding(
            bytes in prop::collection::vec(prop_oneof![Just(0x81), Just(0x82), 0_u8..4], 0..24),
        ) {
            if let Some(tree) = decode(&bytes) {
                prop_assert_eq!(to_bytes(&tree), bytes);
            }
        }
    }
}

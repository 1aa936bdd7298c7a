//! An oracle for the check of the transfer extension (KOS, figure 10): a receiver of our own that
//! uses other choices in one row and answers the check as well as it can. It has its own
//! multiplication in GF(2^208), so that the library's is not measured by itself.

use crate::fixture::{node, setup};
use dkls23_core::utilities::hashes::tagged_hash;
use dkls23_core::utilities::oracle_tags::{TAG_OTE_CHI, TAG_OTE_PRG, TAG_OTE_SESSION};
use dkls23_core::utilities::ot::extension::{
    BATCH_SIZE, FieldElement, OTEDataToSender, OTEReceiver, PRGOutput,
};
use k256_14::{Scalar, Secp256k1};

const SESSION: &[u8] = b"session";
const NONCE: [u8; 32] = [5; 32];
const FIELD_BYTES: usize = 26;
const FIELD_BITS: usize = 8 * FIELD_BYTES;

/// Its message, with `error` added to the choices in row `cheated`.
fn message(receiver: &OTEReceiver, cheated: usize, error: &PRGOutput) -> OTEDataToSender {
    let session = tagged_hash(TAG_OTE_SESSION, &[SESSION, &NONCE]);
    let choices: PRGOutput = [0x5a; 78];
    let expand = |row: usize, seed: &[u8; 32]| -> PRGOutput {
        let chunk = |count: u16| {
            let row = (row as u16).to_be_bytes();
            tagged_hash(TAG_OTE_PRG, &[&session, &row, &count.to_be_bytes(), seed])
        };
        let bytes: Vec<u8> = (0..3).flat_map(chunk).collect();
        bytes[..78].try_into().unwrap()
    };
    let zeros: Vec<PRGOutput> =
        receiver.seeds0.iter().enumerate().map(|(row, seed)| expand(row, seed)).collect();
    let matrix = |(row, zero): (usize, &PRGOutput)| {
        let mut line = add(&add(zero, &expand(row, &receiver.seeds1[row])), &choices);
        if row == cheated {
            line = add(&line, error);
        }
        line
    };
    let u: Vec<PRGOutput> = zeros.iter().enumerate().map(matrix).collect();
    let challenge = |name: &[u8]| -> FieldElement {
        tagged_hash(TAG_OTE_CHI, &[&session, name, &u.concat()])[..FIELD_BYTES].try_into().unwrap()
    };
    let (first, second) = (challenge(b"chi1"), challenge(b"chi2"));
    let fold = |line: &PRGOutput| -> FieldElement {
        let block = |start: usize| line[start..start + FIELD_BYTES].try_into().unwrap();
        let (one, two) = (multiply(&block(0), &first), multiply(&block(FIELD_BYTES), &second));
        add(&add(&one, &two), &block(2 * FIELD_BYTES))
    };
    let verify_t = zeros.iter().map(fold).collect();
    OTEDataToSender { nonce: NONCE, verify_x: fold(&choices), verify_t, u }
}

fn add<const N: usize>(left: &[u8; N], right: &[u8; N]) -> [u8; N] {
    std::array::from_fn(|byte| left[byte] ^ right[byte])
}

/// Schoolbook multiplication modulo X^208 + X^9 + X^3 + X + 1, bit 0 first.
fn multiply(left: &FieldElement, right: &FieldElement) -> FieldElement {
    let bit = |element: &FieldElement, bit: usize| element[bit / 8] >> (bit % 8) & 1 == 1;
    let mut product = [false; 2 * FIELD_BITS];
    for i in (0..FIELD_BITS).filter(|i| bit(left, *i)) {
        for j in (0..FIELD_BITS).filter(|j| bit(right, *j)) {
            product[i + j] ^= true;
        }
    }
    for high in (FIELD_BITS..2 * FIELD_BITS).rev() {
        if std::mem::take(&mut product[high]) {
            for exponent in [9, 3, 1, 0] {
                product[high - FIELD_BITS + exponent] ^= true;
            }
        }
    }
    let byte = |byte: usize| (0..8).map(|i| u8::from(product[8 * byte + i]) << i).sum();
    std::array::from_fn(byte)
}

/// ECD-11: other choices in one row are noticed exactly when the sender's bit of that row is set.
/// That is the leak which a quarantine ends. An error in two blocks would cancel out, and hence
/// never be noticed, if the check added where it must multiply.
#[test]
fn neg_032_other_choices_in_a_row_are_noticed_whenever_they_matter() {
    let receiver = &setup(node(1), node(2)).receiver.ote_receiver.clone();
    let sender = &setup(node(2), node(1)).sender.ote_sender.clone();
    let mut one_block = [0; 78];
    one_block[3] = 0x10;
    let mut two_blocks = one_block;
    two_blocks[FIELD_BYTES + 3] = 0x10;
    let noticed = |row, error| {
        let inputs = vec![vec![Scalar::ONE; BATCH_SIZE.into()]];
        sender.run::<Secp256k1>(SESSION, 1, &inputs, &message(receiver, row, error)).is_err()
    };
    assert!(!noticed(0, &[0; 78]), "an honest message of the oracle is accepted");
    for row in 0..16 {
        assert_eq!(noticed(row, &one_block), sender.correlation[row], "row {row}");
        assert_eq!(noticed(row, &two_blocks), sender.correlation[row], "row {row}");
    }
}

//! Lists that are short wherever they are honest: a longer one is refused before it takes memory.

use minicbor::Decode;
use minicbor::decode::{Decoder, Error as CborError};

/// Decodes a list of at most `MOST`.
pub(crate) fn few<'b, const MOST: usize, T, C>(
    decoder: &mut Decoder<'b>,
    context: &mut C,
) -> Result<Vec<T>, CborError>
where
    T: Decode<'b, C>,
{
    let length = decoder.probe().array()?;
    let fits = length.is_some_and(|length| usize::try_from(length).is_ok_and(|it| it <= MOST));
    if fits { Vec::decode(decoder, context) } else { Err(CborError::message("a list is too long")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<u8>, CborError> {
        few::<3, u8, ()>(&mut Decoder::new(bytes), &mut ())
    }

    #[test]
    fn neg_015_a_list_that_is_too_long_is_refused_before_it_is_read() {
        assert_eq!(read(&[0x83, 1, 2, 3]).ok(), Some(vec![1, 2, 3]));
        assert!(read(&[0x84, 1, 2, 3, 4]).is_err());
        // Four thousand million elements, of which none is there.
        let why = read(&[0x9a, 0xff, 0xff, 0xff, 0xff]).unwrap_err();
        assert!(why.to_string().contains("a list is too long"), "{why}");
        // A list that does not say how long it is.
        assert!(read(&[0x9f, 1, 0xff]).is_err());
    }
}

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

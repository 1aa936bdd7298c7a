//! Messages taken apart into their fields, whatever they are, and every field changed in every way
//! that somebody may try: so that no field of no message is forgotten.

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

/// A value of the canonical encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the forms of the encoding")]
pub enum Value {
    Nothing,
    Bool(bool),
    Number(u64),
    Bytes(Vec<u8>),
    Text(String),
    /// A structure or a list: they look alike.
    List(Vec<Value>),
}

/// Where a field is: the index at each depth.
type Place = Vec<usize>;

/// A changed message, and what was changed.
#[derive(Debug, Clone)]
pub struct Change {
    /// What was changed, and how.
    pub what: String,
    /// The message.
    pub bytes: Vec<u8>,
}

impl Value {
    /// Reads a message.
    ///
    /// # Panics
    /// It is not of the encoding.
    pub fn read(bytes: &[u8]) -> Self {
        Self::try_read(bytes).expect("one value")
    }

    /// Reads bytes that may be a message; nothing if they are none.
    pub fn try_read(bytes: &[u8]) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        let value = Self::next(&mut decoder)?;
        (decoder.position() == bytes.len()).then_some(value)
    }

    fn next(decoder: &mut Decoder<'_>) -> Option<Self> {
        Some(match decoder.datatype().ok()? {
            Type::Null => {
                decoder.null().ok()?;
                Self::Nothing
            }
            Type::Bool => Self::Bool(decoder.bool().ok()?),
            Type::Bytes => Self::Bytes(decoder.bytes().ok()?.to_vec()),
            Type::String => Self::Text(decoder.str().ok()?.to_owned()),
            Type::Array => {
                let length = decoder.array().ok()??;
                Self::List((0..length).map(|_| Self::next(decoder)).collect::<Option<_>>()?)
            }
            _ => Self::Number(decoder.u64().ok()?),
        })
    }

    /// Writes a message.
    pub fn write(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        self.append(&mut encoder);
        encoder.into_writer()
    }

    fn append(&self, encoder: &mut Encoder<Vec<u8>>) {
        // A vector takes everything.
        let _ = match self {
            Self::Nothing => encoder.null().map(drop),
            Self::Bool(value) => encoder.bool(*value).map(drop),
            Self::Number(value) => encoder.u64(*value).map(drop),
            Self::Bytes(bytes) => encoder.bytes(bytes).map(drop),
            Self::Text(text) => encoder.str(text).map(drop),
            Self::List(values) => {
                let _ = encoder.array(values.len() as u64);
                values.iter().for_each(|value| value.append(encoder));
                Ok(())
            }
        };
    }

    fn at(&self, place: &[usize]) -> Option<&Self> {
        match (place.split_first(), self) {
            (None, _) => Some(self),
            (Some((first, rest)), Self::List(values)) => values.get(*first)?.at(rest),
            (Some(_), _) => None,
        }
    }

    fn with(&self, place: &[usize], value: Self) -> Self {
        match (place.split_first(), self) {
            (None, _) => value,
            (Some((first, rest)), Self::List(values)) => {
                let mut values = values.clone();
                if let Some(inner) = values.get_mut(*first) {
                    *inner = inner.with(rest, value);
                }
                Self::List(values)
            }
            (Some(_), _) => self.clone(),
        }
    }

    /// Every field, this value itself first: of long lists of one kind the first, the last, and
    /// one in the middle.
    fn places(&self) -> Vec<Place> {
        let mut places = vec![Vec::new()];
        let Self::List(values) = self else { return places };
        let last = values.len().saturating_sub(1);
        let is_one_kind = values.windows(2).all(|pair| pair[0].is_like(&pair[1]));
        let chosen = |at: &usize| !is_one_kind || [0, last / 2, last].contains(at);
        for at in (0..values.len()).filter(chosen) {
            let inner = values[at].places().into_iter();
            places.extend(inner.map(|place| [vec![at], place].concat()));
        }
        places
    }

    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(one), Self::Bytes(other)) => one.len() == other.len(),
            (Self::List(one), Self::List(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|(one, other)| one.is_like(other))
            }
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }

    /// What may stand in the place of a field.
    fn lies(&self) -> Vec<(&'static str, Self)> {
        let mut lies = Vec::new();
        let mut lie = |what, value| lies.push((what, value));
        match self {
            Self::Nothing => lie("something", Self::Bytes(vec![7; 32])),
            Self::Bool(value) => lie("the opposite", Self::Bool(!value)),
            Self::Number(value) => {
                lie("one more", Self::Number(value.wrapping_add(1)));
                lie("zero", Self::Number(0));
                lie("the largest", Self::Number(u64::MAX));
            }
            Self::Bytes(bytes) => {
                let flipped = |at: usize| {
                    let mut bytes = bytes.clone();
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1;
                    }
                    Self::Bytes(bytes)
                };
                let last = bytes.len().saturating_sub(1);
                lie("another first byte", flipped(0));
                lie("another byte", flipped(last / 2));
                lie("another last byte", flipped(last));
                lie("zeros", Self::Bytes(vec![0; bytes.len()]));
                let mut identity = vec![0; bytes.len()];
                if let Some(first) = identity.first_mut() {
                    *first = 1;
                }
                lie("a one", Self::Bytes(identity));
                lie("ones", Self::Bytes(vec![0xff; bytes.len()]));
                lie("cut", Self::Bytes(bytes[..last.min(bytes.len())].to_vec()));
                lie("longer", Self::Bytes([bytes.as_slice(), &[0]].concat()));
                lie("empty", Self::Bytes(Vec::new()));
                lie("nothing", Self::Nothing);
            }
            Self::Text(text) => lie("longer", Self::Text(format!("{text}x"))),
            Self::List(values) => {
                lie("nothing", Self::Nothing);
                lie("empty", Self::List(Vec::new()));
                if let Some(last) = values.last() {
                    let shorter = values[..values.len() - 1].to_vec();
                    lie("one less", Self::List(shorter));
                    lie(
                        "one more",
                        Self::List([values.as_slice(), std::slice::from_ref(last)].concat()),
                    );
                }
                for (what, at) in [
                    ("the first two swapped", 0),
                    ("the last two swapped", values.len().saturating_sub(2)),
                ] {
                    let mut swapped = values.clone();
                    if at + 1 < swapped.len() {
                        swapped.swap(at, at + 1);
                    }
                    lie(what, Self::List(swapped));
                }
            }
        }
        lies
    }
}

/// A message with each of its fields changed in turn, in each way: another value, zero, cut,
/// longer, gone, exchanged with its neighbour, and what stands in the same place of `others`,
/// messages of somebody else or of another run. Changes that change nothing, or that come to the
/// same, are left out.
pub fn changes(bytes: &[u8], others: &[(&str, &[u8])]) -> Vec<Change> {
    let value = Value::read(bytes);
    let others: Vec<(&str, Value)> =
        others.iter().map(|(what, bytes)| (*what, Value::read(bytes))).collect();
    let mut changes: Vec<Change> = Vec::new();
    for place in value.places() {
        let Some(field) = value.at(&place) else { continue };
        let theirs =
            others.iter().filter_map(|(what, other)| Some((*what, other.at(&place)?.clone())));
        for (how, lie) in field.lies().into_iter().chain(theirs) {
            let bytes_now = value.with(&place, lie).write();
            let is_new = bytes_now != bytes && changes.iter().all(|known| known.bytes != bytes_now);
            if is_new {
                changes.push(Change { what: format!("{how} at {place:?}"), bytes: bytes_now });
            }
        }
    }
    let mut trailing = bytes.to_vec();
    trailing.push(0);
    changes.push(Change { what: "a byte too much".to_owned(), bytes: trailing });
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_message_is_changed() {
        let message = Value::List(vec![
            Value::Number(2),
            Value::Bytes(vec![1, 2, 3]),
            Value::List(vec![Value::Bytes(vec![4]), Value::Bytes(vec![5]), Value::Nothing]),
        ]);
        let bytes = message.write();
        assert_eq!(Value::read(&bytes), message);
        let places = message.places();
        assert_eq!(places.len(), 7);
        let changes = changes(&bytes, &[]);
        for place in places {
            let is_changed = |change: &&Change| change.what.ends_with(&format!("at {place:?}"));
            assert!(changes.iter().any(|change| is_changed(&change)), "{place:?}");
        }
        assert!(changes.iter().all(|change| change.bytes != bytes));
    }

    #[test]
    fn of_long_lists_three_elements_are_changed() {
        let message = Value::List((0..9).map(|byte| Value::Bytes(vec![byte])).collect());
        assert_eq!(message.places(), [vec![], vec![0], vec![4], vec![8]]);
    }
}

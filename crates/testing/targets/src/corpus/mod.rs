//! Seeds for a fuzzer, made from real things: test vectors, what a domain said while it worked, and
//! programs that do what people do.

mod decoders;
mod ingress;
mod made;
mod programs;

use std::collections::BTreeMap;
use std::path::Path;

/// Seeds of one target: their names and bytes. A name begins with what the seed is.
pub type Seeds = BTreeMap<String, Vec<u8>>;

/// All seeds, by target; `vectors` is the folder of the test vectors.
///
/// # Errors
/// A vector cannot be read.
///
/// # Panics
/// The domain of the seeds does not come to be.
pub fn seeds(vectors: &Path) -> std::io::Result<BTreeMap<&'static str, Seeds>> {
    let mut told = crate::ingress::scene::Told::beginning();
    told.goes_on();
    Ok(BTreeMap::from([
        ("decoders", decoders::seeds(vectors, &mut told)?),
        ("charter", programs::seeds()),
        ("ingress", ingress::seeds(&told)),
    ]))
}

/// Whether a seed is still what its name says.
///
/// # Panics
/// The target does not hold.
pub fn is_fresh(target: &str, name: &str, bytes: &[u8]) -> bool {
    match target {
        "decoders" => decoders::is_fresh(name, bytes),
        "charter" => programs::is_fresh(name, bytes),
        "ingress" => ingress::is_fresh(name, bytes),
        _ => false,
    }
}

//! `genesis transcript`: the founding ceremony as auditors keep it. It follows from the ceremony file
//! and the version of this program alone, so whoever has the same file writes the same bytes.

use super::{GenesisView, refused, said, view};
use crate::domain::write_whole;
use crate::face::Face;
use crate::failure::Result;
use quorate_charter::{Genesis, GenesisError, GenesisFile};
use quorate_identity::Name;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

#[derive(Serialize)]
struct Transcript {
    /// The version of the program that wrote it.
    program: &'static str,
    #[serde(flatten)]
    genesis: GenesisView,
    signed: Signed,
    /// Whether the domain is founded by this file (GOV-04).
    founds: bool,
    /// Why it is not, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    lacks: Option<String>,
}

/// Of whom there are signatures.
#[derive(Serialize)]
struct Signed {
    administrators: Vec<Name>,
    nodes: Vec<Name>,
}

/// Shows the transcript, or writes it.
///
/// # Errors
/// Of whoever made the file: it holds no genesis. The machine's.
pub fn run(file: &GenesisFile, output: Option<&Path>, face: Face) -> Result<()> {
    let genesis = file.genesis().map_err(|error| refused(&error))?;
    let transcript = Transcript::of(file, &genesis);
    let text = text(&transcript, &said(file, &genesis), &genesis);
    let Some(path) = output else {
        face.show(&transcript, |_| text);
        return Ok(());
    };
    write_whole(path, format!("{text}\n").as_bytes(), 0o644)?;
    face.show(&transcript, |it| format!("{}\nwritten to {}", verdict(it), path.display()));
    Ok(())
}

impl Transcript {
    fn of(file: &GenesisFile, genesis: &Genesis) -> Self {
        let missing = file.missing().unwrap_or_default();
        let administrators = genesis.administrators().map(|person| &person.name);
        let administrators = administrators.filter(|name| !missing.administrators.contains(name));
        let nodes = genesis.nodes.iter().map(|node| &node.body().name);
        let nodes = nodes.filter(|name| !missing.nodes.contains(name));
        let signed = Signed {
            administrators: administrators.cloned().collect(),
            nodes: nodes.cloned().collect(),
        };
        let lacks = file.verify(&file.hash()).err().map(|error| match error {
            GenesisError::Missing(missing) => format!("not signed yet by {missing}"),
            broken => format!("it does not hold: {broken}"),
        });
        let program = crate::edition().version;
        let genesis = view(file, genesis);
        Self { program, genesis, signed, founds: lacks.is_none(), lacks }
    }
}

fn text(it: &Transcript, said: &str, genesis: &Genesis) -> String {
    let mut text =
        format!("Transcript of a founding ceremony, by quorate {}\n\n{said}", it.program);
    let kind = if genesis.staging { "a staging domain, not production" } else { "production" };
    let _ = writeln!(text, "it is for {kind}\n\nfingerprints of nodes and custodians");
    let nodes = it.genesis.nodes.iter().map(|node| (&node.name, node.fingerprint));
    let custodians = it.genesis.custodians.iter().map(|it| (&it.name, it.fingerprint));
    for (name, fingerprint) in nodes.chain(custodians) {
        let _ = writeln!(text, "  {name:<16} {fingerprint}");
    }
    let _ = writeln!(text, "\nsigned by the administrators {}", names(&it.signed.administrators));
    let _ = writeln!(text, "countersigned by the nodes {}", names(&it.signed.nodes));
    text + &verdict(it)
}

fn verdict(it: &Transcript) -> String {
    match &it.lacks {
        None => "complete: every founder signed these bytes, and every signature holds (GOV-04)"
            .to_owned(),
        Some(lacks) => format!("NOT complete, no domain is founded by it: {lacks} (GOV-04)"),
    }
}

fn names(names: &[Name]) -> String {
    let names: Vec<&str> = names.iter().map(Name::as_str).collect();
    if names.is_empty() { "nobody yet".to_owned() } else { names.join(", ") }
}

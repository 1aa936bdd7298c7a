//! What a person sees of a release before signing or installing it.

use quorate_access::Tree;
use quorate_codec::Digest;
use quorate_identity::{Credential, Name, words};
use quorate_release::{Artefact, ReleaseFile, Signers, Standing, Version};
use serde::Serialize;
use std::fmt::Write;

/// A release and who has signed it.
#[derive(Debug, Serialize)]
pub struct ReleaseView {
    release: Digest,
    words: String,
    product: Name,
    version: Version,
    source: Digest,
    migrates_from: Version,
    recipe: Digest,
    artefacts: Vec<Artefact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signers: Option<SignersView>,
    /// Names, where the list of signers is known.
    signed_by: Vec<Name>,
    /// Fingerprints of keys that no list names.
    other_keys: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SignersView {
    signers: Digest,
    words: String,
    rule: Tree<Name>,
    missing: Option<Tree<Name>>,
}

impl ReleaseView {
    /// Of a file, with names where a list gives them.
    pub fn of(file: &ReleaseFile, signers: Option<&Signers>) -> Self {
        let release = file.release().clone();
        let standing = signers.map(|signers| (signers, file.standing(signers)));
        let (signers, signed_by, others) = match standing {
            Some((signers, Standing { signed_by, strangers, missing })) => {
                let view = SignersView {
                    signers: signers.digest(),
                    words: words(&signers.digest()).join(" "),
                    rule: signers.rule().clone(),
                    missing,
                };
                (Some(view), signed_by.into_iter().collect(), strangers)
            }
            None => (None, Vec::new(), file.signed_by().cloned().collect()),
        };
        Self {
            release: file.digest(),
            words: words(&file.digest()).join(" "),
            product: release.product,
            version: release.version,
            source: release.source,
            migrates_from: release.migrates_from,
            recipe: release.recipe,
            artefacts: release.artefacts,
            signers,
            signed_by,
            other_keys: others.iter().map(Credential::fingerprint).collect(),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!("release of {} {}\n", self.product, self.version);
        let _ = writeln!(text, "  {}\n  {}", self.release, self.words);
        let _ = writeln!(text, "takes over stores from {} on", self.migrates_from);
        let _ = writeln!(text, "source  {}\nrecipe  {}", self.source, self.recipe);
        for Artefact { target, file, length, sha256 } in &self.artefacts {
            let _ = writeln!(text, "  {file} for {target}, {length} bytes\n    {sha256}");
        }
        if let Some(signers) = &self.signers {
            let _ = writeln!(text, "who releases: {}\n  {}", signers.rule, signers.words);
        }
        let names: Vec<&str> = self.signed_by.iter().map(Name::as_str).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "signed by {}", names.join(", "));
        }
        for key in &self.other_keys {
            let whose = if self.signers.is_some() { ", which counts for nothing" } else { "" };
            let _ = writeln!(text, "signed by the key {key}{whose}");
        }
        let signed = !names.is_empty() || !self.other_keys.is_empty();
        let _ = match self.signers.as_ref().map(|signers| &signers.missing) {
            Some(Some(missing)) => write!(text, "what is missing: {missing}"),
            Some(None) => write!(text, "signed by enough"),
            None if signed => write!(text, "whose keys these are, a list says: --signers"),
            None => write!(text, "signed by nobody yet"),
        };
        text
    }
}

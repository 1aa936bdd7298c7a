//! `keygen`: a recovery key that never was anywhere else.

use super::keep::Kept;
use crate::args::Keygen;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::files::{self, NewFiles};
use crate::paper::{self, Page, Split};
use crate::secret::Secret;
use quorate_identity::Name;
use rand_core::OsRng;
use serde::Serialize;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

#[derive(Serialize)]
struct Made {
    #[serde(flatten)]
    kept: Kept,
    pages: Vec<PathBuf>,
    /// How many of them restore the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    needed: Option<u8>,
}

/// Runs it.
///
/// # Errors
/// The caller's, or the machine's.
pub fn run(options: &Keygen, face: Face) -> Result<()> {
    let paper = options.paper.as_ref().zip(options.paper_dir.as_deref());
    let places = |(split, dir)| page_paths(dir, &options.name, split);
    let pages = paper.map(places).unwrap_or_default();
    pages.iter().try_for_each(|path| files::must_be_free(path))?;
    let passphrase = options.keep.passphrase()?;
    let secret = Secret::random(options.kind, &mut OsRng);
    let mut new = NewFiles::default();
    let kept = options.keep.write((&options.name, &secret), &passphrase, &mut new)?;
    if let Some((split, dir)) = paper {
        files::make_private_folder(dir)?;
        let texts = page_texts(&secret, &options.name, split)?;
        pages
            .iter()
            .zip(&texts)
            .try_for_each(|(path, text)| new.write(path, text.as_bytes(), 0o600))?;
    }
    new.keep();
    let made = Made { kept, pages, needed: options.paper.as_ref().map(Split::needed) };
    face.show(&made, text);
    Ok(())
}

fn page_paths(dir: &Path, name: &Name, split: &Split) -> Vec<PathBuf> {
    let pages = split.pages();
    (1..=pages).map(|page| dir.join(format!("{name}-page-{page}-of-{pages}.txt"))).collect()
}

/// The pages, which were read back and gave the key again before anybody relies on them.
fn page_texts(secret: &Secret, name: &Name, split: &Split) -> Result<Vec<Zeroizing<String>>> {
    let pages = paper::split(secret, name, split, &mut OsRng);
    let texts: Vec<Zeroizing<String>> = pages.iter().map(Page::to_text).collect();
    let read: std::result::Result<Vec<Page>, _> =
        texts.iter().map(|text| Page::from_text(text)).collect();
    let restores = |pages: Vec<Page>| {
        pages.len() == usize::from(split.pages()) && paper::restore(&pages).is_ok()
    };
    match read.is_ok_and(restores) {
        true => Ok(texts),
        false => {
            let what = "the pages did not give the key again";
            Err(Failure::machine("internal", what, "try again, on another machine if need be"))
        }
    }
}

fn text(made: &Made) -> String {
    let mut text = made.kept.text();
    if let (Some(needed), Some(first)) = (made.needed, made.pages.first()) {
        let dir = first.parent().unwrap_or(first).display();
        text.push_str(&format!(
            "\n\n{} pages are in {dir}; any {needed} of them are the key. Print them, keep each in \
             another place, and destroy the files",
            made.pages.len()
        ));
    }
    text
}

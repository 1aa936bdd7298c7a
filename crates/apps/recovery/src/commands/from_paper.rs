//! `from-paper`: a key file from pages.

use crate::args::FromPaper;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::files::{self, NewFiles};
use crate::paper::{self, Page, PageFault, RestoreError};
use std::path::Path;

/// Runs it.
///
/// # Errors
/// The caller's: a page that is not as it was printed, pages that do not belong together, too few.
pub fn run(options: &FromPaper, face: Face) -> Result<()> {
    let pages: Vec<Page> = options.pages.iter().map(|path| read(path)).collect::<Result<_>>()?;
    let names: Vec<String> = pages
        .iter()
        .zip(&options.pages)
        .map(|(page, path)| format!("page {} ({})", page.number(), path.display()))
        .collect();
    let secret = paper::restore(&pages).map_err(|error| unrestored(&error, &names))?;
    let page = pages.first().ok_or_else(|| unrestored(&RestoreError::False, &names))?;
    let passphrase = options.keep.passphrase()?;
    let mut new = NewFiles::default();
    let kept = options.keep.write((page.heading().name(), &secret), &passphrase, &mut new)?;
    new.keep();
    face.show(&kept, |kept| kept.text());
    Ok(())
}

fn read(path: &Path) -> Result<Page> {
    Page::from_text(&files::read_text(path)?).map_err(|error| {
        let what = format!("{}: {error}", path.display());
        match error.fault {
            PageFault::Version(_) => Failure::later(path, error),
            PageFault::Other => {
                let next = "name files into which pages of `keygen --paper` were typed";
                Failure::caller("bad_page", what, next)
            }
            _ => Failure::caller("bad_page", what, "compare it with the paper, letter by letter"),
        }
    })
}

fn unrestored(error: &RestoreError, names: &[String]) -> Failure {
    let name = |place: usize| names.get(place).map(String::as_str).unwrap_or_default();
    let (what, next) = match error {
        RestoreError::Other(place) => (
            format!("{} is of another key than {}", name(*place), name(0)),
            "bring pages with the same name, words and numbers of pages",
        ),
        RestoreError::Twice(first, second) => (
            format!("{} and {} are the same page", name(*first), name(*second)),
            "bring another page in the place of one of them",
        ),
        RestoreError::TooFew(needed) => (
            format!("{needed} pages are needed, and only {} is here", names.join(" and ")),
            "bring more pages of this key",
        ),
        RestoreError::False => (
            "every page is whole, but together they do not give the key that they name".to_owned(),
            "a page is of another set of pages, or was made to mislead: try other pages, or one more",
        ),
        RestoreError::Misfits(places) => {
            let names: Vec<&str> = places.iter().map(|place| name(*place)).collect();
            (
                format!("the key is here, but {} is no share of it", names.join(" and ")),
                "leave that page out, and find out who made it",
            )
        }
    };
    Failure::caller("bad_pages", what, next)
}

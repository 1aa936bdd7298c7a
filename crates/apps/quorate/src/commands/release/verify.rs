//! `verify-release`: whether to install what somebody delivered, or whether what runs is it.

use super::files::running;
use super::view::ReleaseView;
use super::{PRODUCT, compare, read_release, read_signers, refused, version};
use crate::args::release::Verify;
use crate::face::Face;
use crate::failure::{Exit, Failure, Result};
use quorate_release::{Artefact, Release, StepError, Version};
use serde::Serialize;
use std::fmt::Write;

#[derive(Serialize)]
struct VerifiedView {
    verified: bool,
    #[serde(flatten)]
    release: ReleaseView,
    installed: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<Version>,
    compared: Vec<Compared>,
    running: Option<Artefact>,
}

#[derive(Serialize)]
struct Compared {
    path: String,
    #[serde(flatten)]
    artefact: Artefact,
}

/// Verifies signatures, product, version and files, in this order.
///
/// # Errors
/// The caller's; and the answer no, with its reason.
pub fn run(options: &Verify, face: Face) -> Result<()> {
    let signers = read_signers(&options.signers)?;
    let file = read_release(&options.manifest)?;
    let verified = file.verify(&signers).map_err(|error| refused(&options.manifest, &error))?;
    let release = verified.release();
    check_product(release)?;
    let installed = version(&options.installed)?;
    let minimum = options.minimum.as_deref().map(version).transpose()?;
    let step = release.check_step(&installed, minimum.as_ref(), options.allow_downgrade);
    step.map_err(|error| wrong_step(&error))?;
    let artefacts = compare(release, &options.artefacts)?;
    let paths = options.artefacts.iter().map(|path| path.display().to_string());
    let view = VerifiedView {
        verified: true,
        release: ReleaseView::of(&file, Some(&signers)),
        installed,
        minimum,
        compared: paths
            .zip(artefacts)
            .map(|(path, artefact)| Compared { path, artefact })
            .collect(),
        running: options.running.then(|| what_runs(release)).transpose()?,
    };
    face.show(&view, text);
    Ok(())
}

/// REL-10
fn check_product(release: &Release) -> Result<()> {
    if release.product.as_str() == PRODUCT {
        return Ok(());
    }
    let message = format!("this is a release of {}, not of {PRODUCT}", release.product);
    let next = "do not install it in the place of this program";
    Err(Failure::caller("other_product", message, next).with_exit(Exit::Refused))
}

/// REL-11
fn wrong_step(error: &StepError) -> Failure {
    let failure = match error {
        StepError::Older { .. } => Failure::caller(
            "release_older",
            error,
            "do not install it: what was mended since would be open again; if it is meant, say \
             so with --allow-downgrade",
        ),
        StepError::BelowMinimum { .. } => Failure::caller(
            "release_below_minimum",
            error,
            "do not install it: get a release of that version or a later one",
        ),
        StepError::NoMigration { .. } => Failure::caller(
            "no_migration",
            error,
            "first install a version between the two that takes over the stores that are there",
        ),
    };
    failure.with_exit(Exit::Refused)
}

/// REL-13
fn what_runs(release: &Release) -> Result<Artefact> {
    let running = running()?;
    release.check_artefact(&running.name, running.length, &running.sha256).cloned().map_err(
        |error| {
            let message = format!("what runs here is not what was released: {error}");
            let next = "start it anew from a file that was verified; if it was, find out who \
                        replaced it";
            Failure::caller("running_differs", message, next).with_exit(Exit::Refused)
        },
    )
}

fn text(view: &VerifiedView) -> String {
    let mut text = format!("verified: {}", view.release.text());
    let _ = write!(text, "\ninstalled is {}", view.installed);
    if let Some(minimum) = &view.minimum {
        let _ = write!(text, ", at least {minimum} is demanded");
    }
    for Compared { path, artefact } in &view.compared {
        let (file, target) = (&artefact.file, &artefact.target);
        let _ = write!(text, "\n{path} is {file} for {target}, as it was released");
    }
    if let Some(artefact) = &view.running {
        let (file, target) = (&artefact.file, &artefact.target);
        let _ = write!(text, "\nwhat runs here is {file} for {target}, as it was released");
    }
    if view.compared.is_empty() && view.running.is_none() {
        text.push_str("\nno file was compared: name some with --artefact, or use --running");
    }
    text
}

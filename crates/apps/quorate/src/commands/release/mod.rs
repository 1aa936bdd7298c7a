//! `release create|sign|show` and `verify-release`: what a version consists of, signed by those
//! who release it, without any network; and `release require`, which asks nodes for a version.

mod files;
mod verify;
mod view;

pub use files::running;
pub use verify::run as verify;

use super::charter::file_motion;
use crate::args::release::{Create, Release as Verb, Sign};
use crate::domain::{self, read_at_most, write_whole};
use crate::face::{Face, ask};
use crate::failure::{Exit, Failure, Result};
use crate::session::{self, Session};
use files::{Hashed, measure};
use quorate_charter::MotionBody;
use quorate_codec::Digest;
use quorate_release::{Artefact, FileError, Release, ReleaseError, ReleaseFile, Signers, Version};
use std::path::{Path, PathBuf};
use view::ReleaseView;

/// What this program is a part of.
pub const PRODUCT: &str = "quorate";

/// Longest release that is read, in bytes.
const FILE_BYTES_MAX: u64 = quorate_release::limits::FILE_BYTES_MAX as u64;
/// Longest list of signers that is read, in bytes.
const SIGNERS_BYTES_MAX: u64 = quorate_release::limits::SIGNERS_BYTES_MAX as u64;

/// Runs a `release` verb.
///
/// # Errors
/// The caller's, or of whoever made a file.
pub async fn run(verb: Verb, face: Face) -> Result<()> {
    match verb {
        Verb::Require { minimum, signer } => {
            let minimum = version(&minimum)?;
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            file_motion(&session, &state, MotionBody::ReleaseRequire { minimum }, face).await
        }
        Verb::Create(options) => create(&options, face),
        Verb::Sign(options) => sign(&options, face),
        Verb::Show { file, signers } => {
            let signers = signers.as_deref().map(read_signers).transpose()?;
            let file = read_release(&file)?;
            face.show(&ReleaseView::of(&file, signers.as_ref()), ReleaseView::text);
            Ok(())
        }
    }
}

fn create(options: &Create, face: Face) -> Result<()> {
    if options.output.exists() {
        // Signatures that others made for it would be gone.
        let message = format!("{} is there already", options.output.display());
        return Err(Failure::caller("file_exists", message, "choose another name"));
    }
    let artefacts = options.artefacts.iter().map(|pair| artefact(pair));
    let mut artefacts: Vec<Artefact> = artefacts.collect::<Result<_>>()?;
    artefacts.sort();
    let release = Release {
        form: 1,
        product: domain::name(&options.product)?,
        version: version(&options.version)?,
        source: digest(&options.source)?,
        migrates_from: version(&options.migrates_from)?,
        recipe: measure(&options.recipe)?.sha256,
        artefacts,
    };
    let file = ReleaseFile::create(release).map_err(|error| {
        let next = "correct what is released; nothing was written";
        Failure::caller("bad_release", format!("this is no release: {error}"), next)
    })?;
    write_whole(&options.output, &file.to_bytes(), 0o644)?;
    face.show(&ReleaseView::of(&file, None), ReleaseView::text);
    Ok(())
}

/// `TARGET=FILE` as typed, measured.
fn artefact(pair: &str) -> Result<Artefact> {
    let (target, path) = super::genesis::split_pair(pair)?;
    let Hashed { name, length, sha256 } = measure(Path::new(path))?;
    Ok(Artefact { target: target.to_owned(), file: name, length, sha256 })
}

fn sign(options: &Sign, face: Face) -> Result<()> {
    let signers = read_signers(&options.signers)?;
    let mut file = read_release(&options.file)?;
    let who = domain::name(&options.who)?;
    let Some(enrolled) = signers.people().get(&who) else {
        let message = format!("{who} is not one of those who release: {}", signers.rule());
        return Err(Failure::caller("unknown_signer", message, "name yourself as the list does"));
    };
    compare(file.release(), &options.artefacts)?;
    confirm(&file, &signers, options.release.as_deref(), face)?;
    let signer = match &options.key {
        None => session::agent(enrolled)?,
        Some(key) => {
            let prompt = format!("passphrase of {who}'s key: ");
            session::key_file(key, options.passphrase_file.as_deref(), &prompt)?
        }
    };
    if signer.credential() != enrolled {
        let message = format!("this is not the key of {who} in the list of those who release");
        return Err(Failure::caller("wrong_key", message, "name the right key, or the right name"));
    }
    face.before(|| format!("sign the release {} as {who}", file.digest()))?;
    file.sign(&*signer)?;
    write_whole(&options.file, &file.to_bytes(), 0o644)?;
    face.show(&ReleaseView::of(&file, Some(&signers)), ReleaseView::text);
    Ok(())
}

/// The signer says which release is meant: as an argument, or when asked after reading it.
fn confirm(
    file: &ReleaseFile,
    signers: &Signers,
    expected: Option<&str>,
    face: Face,
) -> Result<()> {
    if let Some(expected) = expected {
        let (expected, got) = (digest(expected)?, file.digest());
        return match expected == got {
            true => Ok(()),
            false => Err(Failure::caller(
                "release_mismatch",
                format!("this release has the digest {got}, not {expected}"),
                "nothing was signed; compare the files with the others",
            )),
        };
    }
    face.brief(&ReleaseView::of(file, Some(signers)).text());
    if face.is_dry_run() {
        return Ok(());
    }
    match ask("Is this what you mean to release, word for word?") {
        Some(true) => Ok(()),
        Some(false) => {
            let next = "build it yourself and compare, then sign";
            Err(Failure::caller("not_confirmed", "nothing was signed", next))
        }
        None => Err(Failure::caller(
            "release_needed",
            "there is no terminal to ask at, and no digest of a release was given",
            "read it with `quorate release show`, then give its digest with --release",
        )),
    }
}

/// Holds files against a release (REL-12); what they are called there.
fn compare(release: &Release, paths: &[PathBuf]) -> Result<Vec<Artefact>> {
    let one = |path: &PathBuf| {
        let Hashed { name, length, sha256 } = measure(path)?;
        release.check_artefact(&name, length, &sha256).cloned().map_err(|error| {
            let next = "do not install it; get it again, or name it as the release does";
            Failure::caller("artefact_differs", error, next).with_exit(Exit::Refused)
        })
    };
    paths.iter().map(one).collect()
}

/// Reads a release and verifies each signature in it, whoever made them.
fn read_release(path: &Path) -> Result<ReleaseFile> {
    let bytes = read_at_most(path, FILE_BYTES_MAX);
    let bytes = bytes.map_err(|error| Failure::named_file(path, &error))?;
    ReleaseFile::read(&bytes).map_err(|error| refused(path, &error))
}

/// A file that is no release, or none to rely on.
fn refused(path: &Path, error: &FileError) -> Failure {
    let message = format!("{}: {error}", path.display());
    match error {
        FileError::Release(ReleaseError::Form { .. }) => {
            let next = "verify it with a later version of this program, got another way";
            Failure::caller("release_form", message, next)
        }
        FileError::Release(_) | FileError::Order | FileError::Count(_) => {
            let next = "name a file that `release create` wrote, or get it again";
            Failure::caller("bad_release", format!("no release: {message}"), next)
        }
        FileError::FalseSignature(_) => {
            let next = "do not install it; get it again from somebody else, and show them this";
            Failure::peer("false_signature", message, next).with_exit(Exit::Refused)
        }
        FileError::UnderSigned { .. } => {
            let next = "do not install it before those sign who are missing";
            Failure::caller("under_signed", message, next).with_exit(Exit::Refused)
        }
    }
}

/// Reads the list of those who release.
fn read_signers(path: &Path) -> Result<Signers> {
    let bytes = read_at_most(path, SIGNERS_BYTES_MAX);
    let bytes = bytes.map_err(|error| Failure::named_file(path, &error))?;
    String::from_utf8_lossy(&bytes).parse().map_err(|error| {
        let message = format!("{} is no list of those who release: {error}", path.display());
        let next = "correct it, and compare its words with somebody who has it too";
        Failure::caller("bad_signers", message, next)
    })
}

fn version(text: &str) -> Result<Version> {
    let bad = |error| Failure::caller("bad_version", format!("{text}: {error}"), "write it so");
    text.parse().map_err(bad)
}

/// A digest as typed.
///
/// # Errors
/// The caller's: it is none.
pub fn digest(text: &str) -> Result<Digest> {
    text.parse().map_err(|error| {
        let message = format!("not a digest: {error}");
        Failure::caller("bad_digest", message, "give 0x and 64 lower-case digits")
    })
}

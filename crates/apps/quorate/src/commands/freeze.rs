//! `freeze` and `thaw`: whoever sees that something is wrong stops signing at once; going on again
//! takes a motion.

use super::charter::{file_motion, person};
use super::custodian::read_names;
use crate::args::people::{Freeze as Options, Thaw};
use crate::face::{Face, short};
use crate::failure::Result;
use crate::replay;
use crate::session::Session;
use quorate_charter::{Freeze, FreezeScope, MotionBody, SignedFreeze};
use quorate_client::contract::{FreezeView, HexBytes, SubmitFreeze, routes};
use quorate_codec::Digest;
use quorate_identity::Name;

/// Runs `freeze`: told to every node that answers, because one that hears it stops by itself.
///
/// # Errors
/// The caller's: a person who was barred, no such key. That no node answers.
pub async fn freeze(options: Options, face: Face) -> Result<()> {
    let session = Session::sign(&options.signer)?;
    if options.list {
        let freezes: Vec<FreezeView> = session.get(routes::FREEZES.path).await?;
        return show(&freezes, face);
    }
    let by = person(&session)?;
    let scope = match &options.key {
        None => FreezeScope::Domain,
        // The charter as this machine knows it will do: nobody's answer is needed to stop.
        Some(name) => {
            let name = crate::domain::name(name)?;
            let key = match session.known().key_named(&name) {
                Some(order) => order.key,
                None => replay::key_named(&session.replay().await?, &name)?.key,
            };
            FreezeScope::Key(key)
        }
    };
    let genesis = session.founding().genesis();
    face.before(|| {
        let what = options.key.as_deref().unwrap_or("everything");
        let why = options.reason.as_deref().unwrap_or_default();
        format!("sign a freeze of {what} and send it to every node that answers: {why}")
    })?;
    let (reason, nonce) = (options.reason.unwrap_or_default(), Digest(crate::random_bytes()));
    let freeze = Freeze { version: 1, genesis, scope, by, reason, nonce };
    let signed = SignedFreeze::sign(&freeze, session.signer())?;
    let body = SubmitFreeze { freeze: HexBytes(quorate_codec::to_bytes(&signed)) };
    let freezes: Vec<FreezeView> = session.post_everywhere(routes::FREEZE.path, &body).await?;
    show(&freezes, face)
}

fn show(freezes: &[FreezeView], face: Face) -> Result<()> {
    for freeze in freezes {
        face.show(freeze, text);
    }
    if freezes.is_empty() {
        face.tell("nothing is frozen");
    }
    Ok(())
}

fn text(freeze: &FreezeView) -> String {
    let what = freeze.key.as_ref().map_or("everything", Name::as_str);
    let by = freeze.by.as_ref().map_or("somebody", Name::as_str);
    format!(
        "{by} froze {what}: {}\n  end it: quorate thaw --freeze {} --as NAME  ({})",
        freeze.reason,
        freeze.freeze,
        short(&freeze.freeze)
    )
}

/// Runs `thaw`.
///
/// # Errors
/// The caller's, or a node's.
pub async fn thaw(options: Thaw, face: Face) -> Result<()> {
    let session = Session::sign(&options.signer)?;
    let state = session.replay().await?;
    let mut freezes: Vec<Digest> = options
        .freezes
        .iter()
        .map(|text| replay::parse_hash(text, "freeze"))
        .collect::<Result<_>>()?;
    freezes.sort_unstable();
    freezes.dedup();
    let mut barred = read_names(&options.barred)?;
    barred.sort();
    file_motion(&session, &state, MotionBody::Thaw { freezes, barred, refused: Vec::new() }, face)
        .await
}

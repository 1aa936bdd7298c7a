//! `drill`: a custodian's part in a drill (REC-51 to REC-53).

use super::{backup, verify};
use crate::args::Drill as Options;
use crate::drill::{Drill, DrillCustodian, DrillError, DrillOpening};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::files::{self, NewFiles};
use quorate_backup::Opener;
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_identity::{GenesisHash, Name, RecoveryKeyId, moment, words};
use rand_core::OsRng;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Serialize)]
struct Opened {
    genesis: GenesisHash,
    genesis_words: String,
    drill: Digest,
    started_by: Name,
    started_ms: u64,
    custodian: Name,
    key: RecoveryKeyId,
    made_at_ms: u64,
    output: PathBuf,
}

/// Runs it.
///
/// # Errors
/// The caller's: another key, another file, a wrong passphrase. A peer's: the backup does not hold,
/// then its report was shown; or the drill wants something else opened than a canary.
pub fn run(options: &Options, face: Face) -> Result<()> {
    files::must_be_free(&options.output)?;
    let genesis = options.genesis.ok_or_else(verify::genesis_needed)?;
    let drill = read(&options.drill)?;
    let found = options.held.find()?;
    let opening = DrillOpening::read(backup::open(&options.file)?, &genesis, drill);
    let opening = match opening {
        Err(DrillError::Refused(report)) => return verify::show(&options.file, &report, face),
        other => other.map_err(refused)?,
    };
    let known = found.known().map(|(key, _)| opening.for_key(key)).transpose().map_err(refused)?;
    face.brief(&brief(&opening, known.as_ref()));
    let holder = found.open()?;
    let custodian = opening.for_key(holder.public().id()).map_err(refused)?;
    // The time at which the device did its work.
    let made_at_ms = now_ms();
    let part = custodian.open(&holder, made_at_ms, &mut OsRng)?.ok_or_else(unanswerable)?;
    let mut new = NewFiles::default();
    new.write(&options.output, &to_bytes(&part), 0o600)?;
    new.keep();
    let drill = opening.drill();
    let opened = Opened {
        genesis,
        genesis_words: words(&genesis.digest()).join(" "),
        drill: part.drill,
        started_by: drill.started_by.clone(),
        started_ms: drill.started_ms,
        custodian: part.custodian,
        key: part.key,
        made_at_ms,
        output: options.output.clone(),
    };
    face.show(&opened, |it| {
        format!(
            "this drill is done for {}: carry {} back to {}, who started it. No share was touched",
            it.custodian,
            it.output.display(),
            it.started_by
        )
    });
    Ok(())
}

fn read(path: &Path) -> Result<Drill> {
    from_bytes(&files::read(path)?).map_err(|error| {
        let what = format!("{} is no drill: {error}", path.display());
        Failure::caller("bad_drill", what, "name the file that `quorate drill start` wrote")
    })
}

/// What is done, and for whom: seen before anything is typed.
fn brief(opening: &DrillOpening, custodian: Option<&DrillCustodian<'_>>) -> String {
    let (state, drill) = (opening.state(), opening.drill());
    let mut text = format!(
        "This is a DRILL: what it opens is a canary, of no use but for practice, and no share of any \
         key.\n\ndomain {}{}\n  genesis  {}\n  started  {} by {}, as the drill says itself\n  for      {}\n",
        state.domain(),
        if state.is_staging() { ", a trial" } else { "" },
        words(&state.genesis().digest()).join(" "),
        moment(drill.started_ms),
        drill.started_by,
        opening.canary().tree(),
    );
    if let Some(custodian) = custodian {
        let _ = writeln!(text, "\nCustodian {} takes part.", custodian.name());
    }
    text
}

fn refused(error: DrillError) -> Failure {
    let what = error.to_string();
    match error {
        DrillError::Refused(_) => {
            Failure::peer("backup_refused", what, "take another backup of the domain")
        }
        DrillError::Domain => {
            let next = "compare the genesis hash with your notes; if it is right, give this drill back \
                        to whoever brought it";
            Failure::caller("other_domain", what, next)
        }
        DrillError::File => {
            let next = "ask whoever brought the drill for the backup that they started it from";
            Failure::caller("other_backup", what, next)
        }
        DrillError::NoCanary => {
            let next = "open nothing for whoever made it, and tell the administrators: a drill that \
                        wants more than a canary is an attack";
            Failure::peer("bad_drill", what, next)
        }
        DrillError::NoCustodian(key) => {
            let what = format!("{what}: it is \"{}\"", words(&key.digest()).join(" "));
            let next = "name the key file with which you are enrolled now";
            Failure::caller("another_key", what, next)
        }
        // The last one is of who starts a drill.
        DrillError::Arrival | DrillError::NotAsked(_) | DrillError::NoCanaryFor(_) => {
            Failure::peer("bad_drill", what, NEW_DRILL)
        }
    }
}

/// What only a new drill helps against.
const NEW_DRILL: &str = "whoever started it has to start another one";

fn unanswerable() -> Failure {
    let what = "what this drill asks of you does not open with your key";
    Failure::peer("bad_drill", what, NEW_DRILL)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

//! `key export order|end|get`: a key is given to somebody whole (`spec/export.md`).

use super::charter::file_motion;
use super::custodian::read_recovery_key;
use crate::args::export::Export as Verb;
use crate::domain::{self, write_whole};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::replay;
use crate::session::Session;
use quorate_charter::{
    CertifiedEntry, Decided, EpochRecord, Export, KeyOrder, MotionBody, Recipient, State,
};
use quorate_client::contract::{EntryPage, EpochRecordAnswer, ExportPartAnswer, routes};
use quorate_codec::to_bytes;
use quorate_identity::{GenesisHash, Head, Name, NodeId};
use quorate_recovery::export::{ExportFile, ExportFileError, ExportReport, Exported, NodePart};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// How often everything is read again where the key or the charter moved on meanwhile.
const TRIES: usize = 3;

/// Runs a `key export` verb.
///
/// # Errors
/// The caller's, or a node's.
pub async fn run(verb: Verb, face: Face) -> Result<()> {
    match verb {
        Verb::Order { name, to, signer } => {
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            let name = domain::name(&name)?;
            replay::key_named(&state, &name)?;
            let line = read_recovery_key(&to)?;
            let recipient = Recipient { name: line.name, key: line.key.to_bytes() };
            let who = recipient.name.clone();
            let body = MotionBody::KeyExport { name, recipient: Some(recipient) };
            file_motion(&session, &state, body, face).await?;
            if !face.is_dry_run() {
                face.tell(&format!(
                    "{who} has to show every node that the recovery key is held, before it is decided: \
                     quorate custodian challenges {who} --motion MOTION --output FILE; then \
                     quorate-recovery answer, and quorate custodian answer"
                ));
            }
            Ok(())
        }
        Verb::End { name, signer } => {
            let session = Session::sign(&signer)?;
            let state = session.replay().await?;
            let name = domain::name(&name)?;
            replay::key_named(&state, &name)?;
            let body = MotionBody::KeyExport { name, recipient: None };
            file_motion(&session, &state, body, face).await
        }
        Verb::Get { name, to, output, reader } => {
            let session = Session::read(&reader)?;
            let name = domain::name(&name)?;
            let to = to.as_deref().map(domain::name).transpose()?;
            let got = get(&session, &name, to.as_ref(), &output).await?;
            face.show(&got, text);
            Ok(())
        }
    }
}

/// What was collected.
#[derive(Serialize)]
struct Got {
    key: Name,
    file: String,
    genesis: GenesisHash,
    recipient: Name,
    entry: Head,
    epoch: u64,
    /// Whose parts are in the file.
    parts: Vec<String>,
    /// Who gave something that does not hold, and what is wrong with it.
    #[serde(rename = "false")]
    lied: BTreeMap<Name, String>,
    /// Who gave nothing, and why.
    without: BTreeMap<Name, String>,
}

/// What nodes answered for one epoch.
struct Collected {
    decided: Decided,
    record: EpochRecord,
    parts: Vec<NodePart>,
    lied: BTreeMap<Name, String>,
    without: BTreeMap<Name, String>,
    is_outdated: bool,
}

async fn get(session: &Session, name: &Name, to: Option<&Name>, output: &Path) -> Result<Got> {
    if output.exists() {
        let message = format!("{} exists already; nothing was written", output.display());
        return Err(Failure::caller("file_exists", message, "choose another name"));
    }
    let mut last = None;
    for _ in 0..TRIES {
        let (state, entries, passed) = charter(session).await?;
        let order = replay::key_named(&state, name)?;
        let export = chosen(order, to)?.clone();
        let Some(collected) = collect(session, &state, order, &export, &passed).await? else {
            continue;
        };
        let is_outdated = collected.is_outdated;
        let file = File { session, state: &state, entries, export: &export };
        match file.write(name, collected, output).await {
            Err(failure) if is_outdated => last = Some(failure),
            other => return other,
        }
    }
    Err(last.unwrap_or_else(|| {
        let message =
            format!("the nodes make new shares of key {name} faster than they are collected");
        Failure::peer("export_incomplete", message, "try again in a minute")
    }))
}

/// The whole charter of whoever answers, verified here, and every head that it came by.
async fn charter(session: &Session) -> Result<(State, Vec<CertifiedEntry>, BTreeSet<Head>)> {
    let mut state = session.founding().clone();
    let (mut entries, mut passed) = (Vec::new(), BTreeSet::from([state.head()]));
    loop {
        let before = state.position();
        let page: EntryPage = session.get(&routes::entries(before)).await?;
        for line in &page.entries {
            let entry = replay::entry(&line.entry)?;
            state = replay::apply(state, &entry)?;
            passed.insert(state.head());
            entries.push(entry);
        }
        if state.position() >= page.position || state.position() == before {
            // What this machine knew before is the least: else a node could hide what came since, and
            // honest parts would look false (GOV-23).
            return match passed.contains(&session.known().head()) {
                true => Ok((state, entries, passed)),
                false => {
                    let message = "the node that answers shows less of the charter than this machine \
                                   knows";
                    Err(Failure::peer("bad_answer", message, "ask another node with --node"))
                }
            };
        }
    }
}

/// The export that is meant: the one that is open, or the open one to this recipient.
fn chosen<'a>(order: &'a KeyOrder, to: Option<&Name>) -> Result<&'a Export> {
    let is_meant = |export: &&Export| to.is_none_or(|to| export.recipient.name == *to);
    let mut open = order.open_exports().filter(is_meant);
    match (open.next(), open.next()) {
        (Some(export), None) => Ok(export),
        (Some(_), Some(_)) => {
            let names = order.open_exports().map(|it| it.recipient.name.as_str());
            let names = names.collect::<Vec<_>>().join(", ");
            let message = format!("key {} is being given to several: {names}", order.name);
            Err(Failure::caller("export_unclear", message, "name one of them with --to"))
        }
        (None, _) => {
            let message = format!("no export of key {} is open", order.name);
            let next = "see `quorate key show`; one that is announced waits for its delay, and \
                        `quorate charter show` says how long";
            Err(Failure::caller("export_not_open", message, next))
        }
    }
}

/// The newest epoch, and what its members give for an export; nothing where the charter that was read
/// is behind that epoch.
async fn collect(
    session: &Session,
    state: &State,
    order: &KeyOrder,
    export: &Export,
    passed: &BTreeSet<Head>,
) -> Result<Option<Collected>> {
    let answer: EpochRecordAnswer = session.get(&routes::epoch_record(&order.name)).await?;
    let record = replay::key_record(state, order, &answer)?;
    if !passed.contains(&record.plan.head) {
        return Ok(None);
    }
    let decided = quorate_codec::from_bytes(&answer.record.0).map_err(|error| {
        Failure::peer("bad_epoch_record", error, "ask another node with --node")
    })?;
    let (parts, lied, without) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let is_outdated = false;
    let mut collected = Collected { decided, record, parts, lied, without, is_outdated };
    let target = routes::export_part(&order.name, &export.entry);
    for member in collected.record.plan.committee.clone() {
        let Some(node) = state.node_ever(&member) else { continue };
        match session.at(&node.name).get::<ExportPartAnswer>(&target).await {
            Ok(answer) => collected.take(member, &node.name, &answer),
            Err(failure) => {
                collected.without.insert(node.name.clone(), failure.body().message.clone());
            }
        }
    }
    Ok(Some(collected))
}

impl Collected {
    fn take(&mut self, member: NodeId, name: &Name, answer: &ExportPartAnswer) {
        let Ok(statement) = quorate_codec::from_bytes(&answer.statement.0) else {
            self.lied.insert(name.clone(), "it signed nothing that can be read".to_owned());
            return;
        };
        let part = NodePart { statement, bundle: answer.bundle.0.clone().into() };
        let said = part.statement.body();
        if said.node != member {
            self.lied.insert(name.clone(), "it gave the part of another node".to_owned());
            return;
        }
        // Of the epoch before or after: the key has new shares at this node, or not yet.
        self.is_outdated |= said.epoch != self.record.plan.epoch;
        self.parts.push(part);
    }
}

/// What stands in the file besides the parts.
struct File<'a> {
    session: &'a Session,
    state: &'a State,
    entries: Vec<CertifiedEntry>,
    export: &'a Export,
}

impl File<'_> {
    /// Verifies what was collected, leaves out what does not hold, and writes the rest if it is enough.
    async fn write(self, key: &Name, collected: Collected, output: &Path) -> Result<Got> {
        let Collected { decided, parts, mut lied, mut without, .. } = collected;
        let (genesis, hash) = (self.session.genesis().clone(), self.state.genesis());
        let entry = self.export.entry;
        let file = ExportFile::new(genesis, self.entries, decided, entry, parts);
        let (file, report) = crate::blocking(move || judged(file, &hash)).await?;
        let parts = sort_out(&report, &mut lied, &mut without)?;
        write_whole(output, &to_bytes(&file), 0o644)?;
        Ok(Got {
            key: key.clone(),
            file: output.display().to_string(),
            genesis: hash,
            recipient: report.recipient,
            entry,
            epoch: report.epoch,
            parts,
            lied,
            without,
        })
    }
}

/// Whose parts hold, if they are enough. Who signed something false is named; a part of another epoch
/// is no lie, nor what the node did not sign.
fn sort_out(
    report: &ExportReport,
    lied: &mut BTreeMap<Name, String>,
    without: &mut BTreeMap<Name, String>,
) -> Result<Vec<String>> {
    for part in report.parts.iter().filter(|part| !part.holds) {
        let Ok(node) = part.node.parse::<Name>() else { continue };
        let why = part.why.clone().unwrap_or_default();
        match (part.is_of_another_epoch, part.lied) {
            (true, _) => without.insert(node, "its part is of another epoch".to_owned()),
            (false, true) => lied.insert(node, why),
            // Whoever answered did not show that this node signed it, as the charter has its key.
            (false, false) => without.insert(node, format!("what was given does not hold: {why}")),
        };
    }
    let holds = report.parts.iter().filter(|part| part.holds);
    let mut parts: Vec<String> = holds.map(|part| part.node.clone()).collect();
    parts.sort();
    let Some(missing) = &report.missing else { return Ok(parts) };
    let mut message = format!(
        "the parts of {} nodes hold, which is not enough; parts are missing, of: {missing}",
        parts.len()
    );
    for (node, why) in lied.iter() {
        let _ = write!(message, "; {node} gave something FALSE: {why}");
    }
    for (node, why) in without.iter() {
        let _ = write!(message, "; {node} gave nothing: {why}");
    }
    let next = "nothing was written: mend what each node says, and collect again, or from another \
                node with --node";
    Err(Failure::peer("export_incomplete", message, next))
}

/// What a file proves, and the file with those parts alone that hold.
fn judged(mut file: ExportFile, hash: &GenesisHash) -> Result<(ExportFile, ExportReport)> {
    let refused = |error: ExportFileError| {
        Failure::peer("export_refused", error, "ask another node with --node")
    };
    let exported = Exported::of(&file, hash).map_err(refused)?;
    let report = exported.report().map_err(refused)?;
    let sound: BTreeSet<NodeId> = exported.sound().collect();
    file.parts.retain(|part| sound.contains(&part.statement.node()));
    Ok((file, report))
}

fn text(got: &Got) -> String {
    let mut text = format!(
        "{}: the parts of {} of key {}, epoch {}, verified; together they are the whole key, for {}",
        got.file,
        got.parts.join(", "),
        got.key,
        got.epoch,
        got.recipient,
    );
    for (node, why) in &got.lied {
        let _ = write!(text, "\n{node} gave something FALSE, which was left out: {why}");
    }
    for (node, why) in &got.without {
        let _ = write!(text, "\n{node} gave nothing: {why}");
    }
    let _ = write!(
        text,
        "\nopen it where the recovery key is: quorate-recovery export open {}, with the \
         genesis hash from notes there\nonce that is done: quorate key export end {}",
        got.file, got.key,
    );
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics has failed")]
mod tests {
    use super::*;
    use quorate_codec::Digest;
    use quorate_identity::{KeyId, RecoveryKeyId, Scheme};
    use quorate_recovery::export::PartReport;

    fn part(node: &str, why: Option<&str>, is_of_another_epoch: bool) -> PartReport {
        PartReport {
            node: node.to_owned(),
            holds: why.is_none(),
            why: why.map(str::to_owned),
            lied: why.is_some() && !is_of_another_epoch,
            is_of_another_epoch,
        }
    }

    fn report(parts: Vec<PartReport>, missing: Option<&str>) -> ExportReport {
        let (digest, name) = (Digest([1; 32]), |text: &str| text.parse::<Name>().unwrap());
        ExportReport {
            genesis: GenesisHash(digest),
            genesis_words: String::new(),
            domain: name("drawn"),
            staging: true,
            head: Head(digest),
            position: 7,
            key: KeyId(digest),
            name: name("ops"),
            scheme: Scheme::Ed25519,
            public_keys: Vec::new(),
            epoch: 3,
            record: digest,
            access: "2 of (node-1, node-2, node-3)".to_owned(),
            recipient: name("gil"),
            recovery_key: RecoveryKeyId(digest),
            recovery_words: String::new(),
            entry: Head(digest),
            exported_at: 6,
            ended_at: None,
            retired: false,
            parts,
            missing: missing.map(str::to_owned),
        }
    }

    /// KEX-12: who gave something false is named, whether or not the others are enough; who is behind, or
    /// gave nothing, lied about nothing.
    #[test]
    fn who_gave_something_false_is_named_and_left_out() {
        let (mut lied, mut without) = (BTreeMap::new(), BTreeMap::new());
        let parts = vec![
            part("node-1", None, false),
            part("node-2", Some("its proof does not hold; node node-2 answers for that"), false),
            part("node-3", None, false),
            part("node-4", Some("the node gave it for another epoch"), true),
            PartReport { lied: false, ..part("node-5", Some("another key signed it"), false) },
        ];
        let holds = sort_out(&report(parts, None), &mut lied, &mut without).unwrap();
        assert_eq!(holds, ["node-1", "node-3"]);
        assert_eq!(lied.keys().map(Name::as_str).collect::<Vec<_>>(), ["node-2"]);
        let others: Vec<&str> = without.keys().map(Name::as_str).collect();
        assert_eq!(others, ["node-4", "node-5"], "nobody is framed by what they did not sign");
        let parts =
            vec![part("node-1", None, false), part("node-2", Some("it is no bundle"), false)];
        without = BTreeMap::from([("node-3".parse().unwrap(), "the key is frozen".to_owned())]);
        let report = report(parts, Some("any of (node-2, node-3)"));
        let failure = sort_out(&report, &mut BTreeMap::new(), &mut without).unwrap_err();
        assert_eq!(failure.code(), "export_incomplete");
        let said = &failure.body().message;
        for part in [
            "missing, of: any of (node-2, node-3)",
            "node-2 gave something FALSE: it is no bundle",
            "node-3 gave nothing: the key is frozen",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

//! Nothing that has a form of its own is without a vector: a form that is added does not compile
//! here until it has a name, and then its name is missed until there is a vector.

use super::{decoded, judged, vectors};
use quorate_charter::{
    AttemptOutcome, BallotBody, CertifiedEntry, Change, EntryBody, EpochRecord, EpochStep,
    FreezeScope, Instance, Motion, MotionBody, NodeChange, Object, Origin, Recognition, Roles,
    SignedBallotMessage, SignedEpochStatement, SignedFreeze, SignedWelcome, Standing,
};
use quorate_codec::Canonical;

/// The names of the forms of something, and which of them one is of.
macro_rules! forms {
    ($($all:ident, $of:ident($it:ty) { $($form:pat => $name:literal,)* })*) => {$(
        const $all: &[&str] = &[$($name),*];

        fn $of(it: $it) -> &'static str {
            match it {
                $($form => $name,)*
            }
        }
    )*};
}

forms! {
    MOTIONS, motion(&MotionBody) {
        MotionBody::KeyCreate { .. } => "key-create",
        MotionBody::PolicySet { .. } => "policy-set",
        MotionBody::KeyRefresh { .. } => "key-refresh",
        MotionBody::KeyReshare { .. } => "key-reshare",
        MotionBody::KeyVoid { .. } => "key-void",
        MotionBody::KeySchedule { schedule: Some(_), .. } => "key-schedule",
        MotionBody::KeySchedule { schedule: None, .. } => "key-schedule that ends",
        MotionBody::KeyPresign { .. } => "key-presign",
        MotionBody::KeyRetire { .. } => "key-retire",
        MotionBody::KeyImport { .. } => "key-import",
        MotionBody::CustodySet { .. } => "custody-set",
        MotionBody::SeatGive { .. } => "seat-give",
        MotionBody::KeyRestore { .. } => "key-restore",
        MotionBody::People(_) => "people",
        MotionBody::Recover(_) => "administrators-recover",
        MotionBody::SettingsSet { .. } => "settings-set",
        MotionBody::Object { .. } => "object",
        MotionBody::Override { .. } => "override",
        MotionBody::Withdraw { .. } => "withdraw",
        MotionBody::Thaw { .. } => "thaw",
        MotionBody::Nodes(_) => "nodes",
        MotionBody::ReleaseRequire { .. } => "release-require",
        MotionBody::KeyExport { recipient: Some(_), .. } => "key-export",
        MotionBody::KeyExport { recipient: None, .. } => "key-export-end",
    }
    PEOPLE, people(&[Change]) {
        [] => "rules-set",
        // A service has no roles.
        [Change::Enrol { roles: Roles {
            administrator: false, approver: false, auditor: false, operator: false,
            guardian: false, reads: None,
        }, .. }] => "service-enrol",
        [Change::Enrol { .. }] => "person-enrol",
        [Change::Revoke { .. }] => "member-revoke",
        [Change::Keys { .. }] => "member-keys",
        [Change::Roles { .. }] => "person-roles",
        [Change::Team { .. }] => "team-set",
        [_, _, ..] => "people-change",
    }
    NODES, nodes(&[NodeChange]) {
        [] => "faults-set",
        [NodeChange::Admit { .. }] => "node-admit",
        [NodeChange::Stand { standing: Standing::Waits, .. }] => "node-suspend",
        [NodeChange::Stand { standing: Standing::Votes, .. }] => "node-resume",
        [NodeChange::Revoke { .. }] => "node-revoke",
        [NodeChange::Declare { .. }] => "node-declare",
        [_, _, ..] => "nodes-change",
    }
    OBJECTS, object(&Object) {
        Object::Policy => "the policy",
        Object::Key(_) => "a key",
        Object::Custody => "the custody",
        Object::Node(_) => "a node",
        Object::Member(_) => "a member",
        Object::Rules => "the rules",
        Object::Settings => "the settings",
        Object::Announced(_) => "an announced motion",
        Object::Faults => "how many may lie",
        Object::Release => "the oldest version",
    }
    ENTRIES, entry(&EntryBody) {
        EntryBody::Motion(_) => "motion",
        EntryBody::Rejoin(_) => "rejoin",
        EntryBody::Enact(_) => "enact",
    }
    BALLOTS, ballot(&BallotBody) {
        BallotBody::Proposal { lock: None, .. } => "proposal",
        BallotBody::Proposal { lock: Some(_), .. } => "proposal with a lock",
        BallotBody::Prevote(Some(_)) => "prevote",
        BallotBody::Prevote(None) => "prevote for nothing",
        BallotBody::Precommit(Some(_)) => "precommit",
        BallotBody::Precommit(None) => "precommit for nothing",
        BallotBody::Offer { lock: None, .. } => "offer",
        BallotBody::Offer { lock: Some(_), .. } => "offer with a lock",
    }
    INSTANCES, instance(&Instance) {
        Instance::Position(_) => "position",
        Instance::Attempt { .. } => "attempt",
    }
    RECOGNITIONS, recognition(&Recognition) {
        Recognition::Recognised(_) => "recognised",
        Recognition::Lapsed(_) => "lapsed",
    }
    SCOPES, scope(&FreezeScope) {
        FreezeScope::Domain => "everything",
        FreezeScope::Key(_) => "a key",
    }
    STEPS, step(&EpochStep) {
        EpochStep::Committed => "committed",
        EpochStep::ErasedBefore => "erased before",
        EpochStep::Destroyed => "destroyed",
    }
    OUTCOMES, outcome(&AttemptOutcome) {
        AttemptOutcome::Commit { .. } => "commit",
        AttemptOutcome::Void { .. } => "void",
    }
    ORIGINS, origin(&Option<Origin>) {
        None => "made here",
        Some(Origin::Imported(_)) => "imported",
        Some(Origin::Restored(_)) => "restored",
    }
}

/// What a motion is called: of people and nodes it depends on what changes.
fn kind(body: &MotionBody) -> &'static str {
    match body {
        MotionBody::People(change) => people(&change.changes),
        MotionBody::Nodes(change) => nodes(&change.changes),
        MotionBody::KeySchedule { .. } => "key-schedule",
        other => motion(other),
    }
}

/// Names of which there is no vector.
fn missed(all: &[&'static str], seen: impl IntoIterator<Item = &'static str>) -> Vec<&'static str> {
    let seen: Vec<&str> = seen.into_iter().collect();
    all.iter().copied().filter(|name| !seen.contains(name)).collect()
}

/// Every entry of every log, as it is called there.
fn entries() -> Vec<(String, CertifiedEntry)> {
    let vectors = vectors();
    let logs = vectors.logs.into_iter().chain([super::presign::log()]);
    let further = logs.flat_map(|log| log.entries);
    let all = vectors.entries.into_iter().chain(further);
    all.map(|entry| (entry.kind, decoded(&entry.bytes))).collect()
}

fn motions() -> Vec<Motion> {
    let motion = |(_, certified): (String, CertifiedEntry)| match &certified.entry().body {
        EntryBody::Motion(signed) => Some(signed.body().as_ref().clone()),
        EntryBody::Rejoin(_) | EntryBody::Enact(_) => None,
    };
    entries().into_iter().filter_map(motion).collect()
}

/// The statements of a form.
fn said<T: Canonical>(form: &str) -> Vec<T> {
    let vectors = vectors();
    let all = vectors.statements.iter().filter(|it| it.form == form);
    all.map(|it| decoded(&it.bytes)).collect()
}

/// The values of a form.
fn values<T: Canonical>(form: &str) -> Vec<T> {
    let vectors = vectors();
    let all = vectors.values.iter().filter(|it| it.form == form);
    all.map(|it| decoded(&it.bytes)).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn every_kind_of_motion_and_entry_has_a_vector() {
    let (entries, motions) = (entries(), motions());
    let all = entries.iter().map(|(_, certified)| entry(&certified.entry().body));
    assert_eq!(missed(ENTRIES, all), NONE);
    assert_eq!(missed(MOTIONS, motions.iter().map(|it| motion(&it.body))), NONE);
    let kinds = || motions.iter().map(|it| kind(&it.body));
    assert_eq!(missed(PEOPLE, kinds()), NONE);
    assert_eq!(missed(NODES, kinds()), NONE);
    let touched = motions.iter().flat_map(|it| &it.expects);
    assert_eq!(missed(OBJECTS, touched.map(|(it, _)| object(it))), NONE);
    for motion in &motions {
        assert_eq!(motion.kind(), kind(&motion.body));
    }
    for (kind, certified) in &entries {
        assert_eq!(certified.entry().kind(), kind);
    }
}

#[test]
fn every_form_of_a_statement_has_vectors() {
    let ballots: Vec<SignedBallotMessage> = said("ballot");
    assert_eq!(missed(BALLOTS, ballots.iter().map(|it| ballot(it.body()))), NONE);
    assert_eq!(missed(INSTANCES, ballots.iter().map(|it| instance(&it.instance()))), NONE);
    let welcomes: Vec<SignedWelcome> = said("welcome");
    let recognitions = welcomes.iter().map(|it| recognition(&it.body().recognition));
    assert_eq!(missed(RECOGNITIONS, recognitions), NONE);
    let freezes: Vec<SignedFreeze> = said("freeze");
    assert_eq!(missed(SCOPES, freezes.iter().map(|it| scope(&it.body().unwrap().scope))), NONE);
    let steps: Vec<SignedEpochStatement> = said("epoch-statement");
    assert_eq!(missed(STEPS, steps.iter().map(|it| step(&it.body().step))), NONE);
    assert_eq!(missed(OUTCOMES, values("outcome").iter().map(outcome)), NONE);
    let records: Vec<EpochRecord> = values("record");
    assert_eq!(missed(ORIGINS, records.iter().map(|it| origin(&it.plan.origin))), NONE);
}

/// One that holds, and one that does not.
#[test]
fn every_statement_has_a_vector_and_one_that_is_refused() {
    let vectors = vectors();
    let is_known = |form: &str| judged::STATEMENTS.contains(&form);
    for form in judged::STATEMENTS {
        let holds = vectors.statements.iter().any(|it| it.form == form);
        assert!(holds || form == "entry", "{form}: the logs have those that hold");
        assert!(vectors.refused.iter().any(|it| it.form == form), "{form}");
    }
    assert!(vectors.statements.iter().all(|it| is_known(&it.form)));
    for form in judged::VALUES {
        assert!(vectors.values.iter().any(|it| it.form == form), "{form}");
    }
}

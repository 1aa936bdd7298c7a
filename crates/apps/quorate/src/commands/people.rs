//! `person …`, `service …` and `recover-administrators`: who belongs to the domain, with which
//! keys, and as what.

use super::charter::file_motion;
use super::custodian::read_names;
use super::genesis::SMALL_FILE_MAX;
use super::rule;
use crate::args::people::{Enrol, May, Person, Recover, Rules as Typed, Service, With};
use crate::args::{Reader, Signer};
use crate::domain::{self, read_at_most, write_whole};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::replay;
use crate::session::{self, AnySigner, Session};
use quorate_charter::{
    Authenticators, Change, MemberKind, MotionBody, PeopleChange, Roles, SignedMember, State,
};
use quorate_identity::{
    Credential, CredentialSigner, GenesisHash, Name, PersonId, ServiceId, words,
};
use serde::Serialize;
use std::path::Path;

/// Runs a `person` verb.
///
/// # Errors
/// The caller's, or a node's.
pub async fn person(verb: Person, face: Face) -> Result<()> {
    match verb {
        Person::Enrol(options) => enrol(&options, MemberKind::Person, face),
        Person::Inspect { file } => inspect(&file, face),
        Person::Admit { files, what, with, signer } => {
            let roles = parse_roles(&what)?;
            let enrol = |file: &std::path::PathBuf| {
                let member = read_member(file, MemberKind::Person)?;
                Ok(Change::Enrol { member, roles: roles.clone() })
            };
            change(files.iter().map(enrol).collect::<Result<_>>()?, &with, &signer, face).await
        }
        Person::Revoke { name, with, signer } => {
            let changes = vec![Change::Revoke { name: domain::name(&name)? }];
            change(changes, &with, &signer, face).await
        }
        Person::Rotate { file, signer } => {
            let member = read_member(&file, MemberKind::Person)?;
            one(Change::Keys { member }, &signer, face).await
        }
        Person::Roles { name, what, with, signer } => {
            let (name, roles) = (domain::name(&name)?, parse_roles(&what)?);
            change(vec![Change::Roles { name, roles }], &with, &signer, face).await
        }
        Person::Team { name, members, signer } => {
            let mut members = read_names(&members)?;
            members.sort();
            members.dedup();
            one(Change::Team { name: domain::name(&name)?, members }, &signer, face).await
        }
        Person::List(reader) => list(&reader, MemberKind::Person, face).await,
    }
}

/// Runs a `service` verb.
///
/// # Errors
/// The caller's, or a node's.
pub async fn service(verb: Service, face: Face) -> Result<()> {
    match verb {
        Service::Enrol(options) => enrol(&options, MemberKind::Service, face),
        Service::Admit { file, signer } => {
            let member = read_member(&file, MemberKind::Service)?;
            one(Change::Enrol { member, roles: Roles::default() }, &signer, face).await
        }
        Service::Revoke { name, signer } => {
            one(Change::Revoke { name: domain::name(&name)? }, &signer, face).await
        }
        Service::Rotate { file, signer } => {
            let member = read_member(&file, MemberKind::Service)?;
            one(Change::Keys { member }, &signer, face).await
        }
        Service::List(reader) => list(&reader, MemberKind::Service, face).await,
    }
}

/// Runs `recover-administrators`.
///
/// # Errors
/// The caller's, or a node's.
pub async fn recover(options: Recover, face: Face) -> Result<()> {
    let session = Session::sign(&options.signer)?;
    let state = session.replay().await?;
    let mut changes = Vec::new();
    for file in &options.admitted {
        let member = read_member(file, MemberKind::Person)?;
        let roles = Roles { administrator: true, ..Roles::default() };
        changes.push(Change::Enrol { member, roles });
    }
    for file in &options.rotated {
        changes.push(Change::Keys { member: read_member(file, MemberKind::Person)? });
    }
    for name in &options.revoked {
        changes.push(Change::Revoke { name: domain::name(name)? });
    }
    changes.sort_by(|left, right| left.name().cmp(right.name()));
    let rules = rules_after(&options.rules, &state)?.unwrap_or_else(|| state.rules().clone());
    let change = PeopleChange { changes, rules: Some(rules), excepted: Vec::new() };
    file_motion(&session, &state, MotionBody::Recover(change), face).await
}

/// Files the motion for one change that touches no rule.
async fn one(change: Change, signer: &Signer, face: Face) -> Result<()> {
    let session = Session::sign(signer)?;
    let state = session.replay().await?;
    let body = MotionBody::People(PeopleChange::one(change));
    file_motion(&session, &state, body, face).await
}

/// Files the motion for changes that may come with other rules.
async fn change(mut changes: Vec<Change>, with: &With, signer: &Signer, face: Face) -> Result<()> {
    changes.sort_by(|left, right| left.name().cmp(right.name()));
    let session = Session::sign(signer)?;
    let state = session.replay().await?;
    let rules = rules_after(&with.rules, &state)?;
    let excepted = read_names(&with.excepted)?;
    let change = PeopleChange { changes, rules, excepted };
    file_motion(&session, &state, MotionBody::People(change), face).await
}

fn rules_after(typed: &Typed, state: &State) -> Result<Option<quorate_charter::Rules>> {
    rule::changed(typed, state.rules())
}

fn parse_roles(what: &May) -> Result<Roles> {
    let mut keys = read_names(&what.reads)?;
    keys.sort();
    keys.dedup();
    let reads = Some(keys).filter(|keys| !keys.is_empty());
    let mut roles = Roles { reads, ..Roles::default() };
    for name in &what.roles {
        match name.as_str() {
            "administrator" => roles.administrator = true,
            "approver" => roles.approver = true,
            "auditor" => roles.auditor = true,
            "operator" => roles.operator = true,
            "guardian" => roles.guardian = true,
            other => {
                let next = "name administrator, approver, auditor, operator or guardian";
                return Err(Failure::caller("bad_role", format!("{other} is no role"), next));
            }
        }
    }
    Ok(roles)
}

#[derive(Serialize)]
struct MemberView {
    name: Name,
    kind: &'static str,
    genesis: GenesisHash,
    words: String,
    fingerprints: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

fn enrol(options: &Enrol, kind: MemberKind, face: Face) -> Result<()> {
    let name = domain::name(&options.name)?;
    let genesis: GenesisHash = replay::parse_hash(&options.genesis, "genesis hash")?;
    let signers: Vec<AnySigner> = options
        .keys
        .iter()
        .map(|path| open_key(path, options.passphrase_file.as_deref()))
        .collect::<Result<_>>()?;
    let signers: Vec<&dyn CredentialSigner> =
        signers.iter().map(|signer| &**signer as &dyn CredentialSigner).collect();
    face.before(|| {
        let output = options.output.display();
        format!("sign the enrolment of {name} with {} keys, and write {output}", signers.len())
    })?;
    let signed = SignedMember::create(genesis, name, kind, &signers)?;
    write_whole(&options.output, &quorate_codec::to_bytes(&signed), 0o644)?;
    let view = member_view(&signed, Some(&options.output));
    face.show(&view, |it| {
        format!(
            "{}\nwritten to {}; give it to an administrator, and read these words to them: they \
             compare them before they sign",
            member_text(it),
            options.output.display()
        )
    });
    Ok(())
}

/// A private key file, or a public one whose other half ssh-agent holds.
fn open_key(path: &Path, passphrase_file: Option<&Path>) -> Result<AnySigner> {
    let bytes =
        read_at_most(path, SMALL_FILE_MAX).map_err(|error| Failure::named_file(path, &error))?;
    match Credential::from_openssh(&String::from_utf8_lossy(&bytes)) {
        Ok(public) => session::agent(&public),
        Err(_) => {
            let prompt = format!("passphrase of {}: ", path.display());
            session::key_file(path, passphrase_file, &prompt)
        }
    }
}

fn inspect(path: &Path, face: Face) -> Result<()> {
    let signed = read_signed(path)?;
    signed.verify(&signed.body().genesis).map_err(|error| {
        let next = "ask whoever wrote it to write it again, with all keys at hand";
        Failure::peer("bad_enrolment", format!("the enrolment does not hold: {error}"), next)
    })?;
    face.show(&member_view(&signed, None), member_text);
    Ok(())
}

fn member_view(signed: &SignedMember, file: Option<&Path>) -> MemberView {
    let body = signed.body();
    MemberView {
        name: body.name.clone(),
        kind: match body.kind {
            MemberKind::Person => "person",
            MemberKind::Service => "service",
        },
        genesis: body.genesis,
        words: words(&signed.digest()).join(" "),
        fingerprints: body.keys.iter().map(Credential::fingerprint).collect(),
        file: file.map(|path| path.display().to_string()),
    }
}

fn member_text(view: &MemberView) -> String {
    format!(
        "{} {} for the domain {}\nkeys  {}\nwords {}",
        view.kind,
        view.name,
        view.genesis,
        view.fingerprints.join("\n      "),
        view.words
    )
}

fn read_signed(path: &Path) -> Result<SignedMember> {
    let bytes =
        read_at_most(path, SMALL_FILE_MAX).map_err(|error| Failure::named_file(path, &error))?;
    quorate_codec::from_bytes(&bytes).map_err(|error| {
        let message = format!("{} is no enrolment: {error}", path.display());
        Failure::caller("bad_enrolment", message, "name a file that `enrol` wrote")
    })
}

/// An enrolment of the kind that is wanted; whether it holds the nodes say, and `effect` before.
fn read_member(path: &Path, kind: MemberKind) -> Result<SignedMember> {
    let signed = read_signed(path)?;
    match signed.body().kind == kind {
        true => Ok(signed),
        false => {
            let message = format!("{} enrols another kind of member", path.display());
            let next = "people are admitted with `person admit`, services with `service admit`";
            Err(Failure::caller("other_kind", message, next))
        }
    }
}

#[derive(Serialize)]
struct PersonView {
    name: Name,
    id: PersonId,
    roles: Vec<&'static str>,
    /// The keys about which an auditor reads who does not read everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<Vec<Name>>,
    teams: Vec<Name>,
    fingerprints: Vec<String>,
}

#[derive(Serialize)]
struct ServiceView {
    name: Name,
    id: ServiceId,
    fingerprints: Vec<String>,
}

async fn list(reader: &Reader, kind: MemberKind, face: Face) -> Result<()> {
    let state = Session::read(reader)?.replay().await?;
    let prints = |keys: &Authenticators| keys.iter().map(Credential::fingerprint).collect();
    match kind {
        MemberKind::Person => {
            let mut people: Vec<_> = state.people().collect();
            people.sort_by_key(|person| &person.name);
            for person in people {
                let teams = state.teams().iter();
                let teams = teams.filter(|(_, members)| members.contains(&person.name));
                let view = PersonView {
                    name: person.name.clone(),
                    id: person.id,
                    roles: person.roles.named(),
                    reads: person.roles.reads.clone(),
                    teams: teams.map(|(team, _)| team.clone()).collect(),
                    fingerprints: prints(&person.keys),
                };
                face.show(&view, |it| {
                    let mut text = format!("{}  {}", it.name, it.roles.join(", "));
                    if let Some(keys) = &it.reads {
                        let keys: Vec<&str> = keys.iter().map(Name::as_str).collect();
                        text += &format!(" of {} alone", keys.join(", "));
                    }
                    if !it.teams.is_empty() {
                        let teams: Vec<&str> = it.teams.iter().map(Name::as_str).collect();
                        text += &format!("  (team {})", teams.join(", "));
                    }
                    format!("{text}\n  {}", it.fingerprints.join("\n  "))
                });
            }
        }
        MemberKind::Service => {
            let mut services: Vec<_> = state.services().collect();
            services.sort_by_key(|service| &service.name);
            for service in services {
                let view = ServiceView {
                    name: service.name.clone(),
                    id: service.id,
                    fingerprints: prints(&service.keys),
                };
                face.show(&view, |it| format!("{}\n  {}", it.name, it.fingerprints.join("\n  ")));
            }
        }
    }
    Ok(())
}

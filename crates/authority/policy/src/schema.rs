//! The Cedar schema: what a rule may ask. One record of facts for every kind of intent, so that
//! a new kind is a new action and nothing else here.

use crate::error::PolicyError;
use crate::facts::Facts;
use crate::intents;
use crate::limits::Limits;
use crate::lists::Lists;
use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
    Schema,
};
use quorate_identity::{Name, Scheme};
use std::str::FromStr;
use std::sync::OnceLock;

/// What is known about an intent (POL-07).
const FACTS: &str = r#"
entity Person;
entity Service;
entity Key { scheme: String };
type Facts = {
    // which account of the key signs, from 0
    account: Long,
    // which child of the account signs: m for the account itself, or m/0/5
    path: String,
    // eip155:31337, bitcoin:regtest, or empty
    network: String,
    // all destinations but the key itself, and how many
    to: Set<String>,
    destinations: Long,
    // lists that hold all destinations; lists that hold at least one
    to_in: Set<String>,
    to_any_in: Set<String>,
    // limits that the intent keeps
    within: Set<String>,
    // assets that it moves
    assets: Set<String>,
    // it calls, or creates, a contract
    calls: Bool,
    creates: Bool,
    // first four bytes of a call's input
    selector?: String,
};
"#;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker<'a> {
    Person(&'a Name),
    Service(&'a Name),
}

/// What is asked: by whom, of which key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub asker: Asker<'a>,
    pub key: &'a Name,
    pub scheme: Scheme,
    pub facts: &'a Facts,
}

/// The schema of this build. It depends on nothing else and takes longer to read than a policy does,
/// so it is read once.
pub(crate) fn schema() -> Result<&'static Schema, PolicyError> {
    static READ: OnceLock<Result<Schema, String>> = OnceLock::new();
    READ.get_or_init(|| read(intents::KINDS))
        .as_ref()
        .map_err(|error| PolicyError::Schema(error.clone()))
}

/// The schema for these kinds of intents.
fn read(kinds: &[&str]) -> Result<Schema, String> {
    let actions = kinds.iter().map(|kind| format!("\"{kind}\"")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "{FACTS}\naction {actions} appliesTo {{\n    principal: [Person, Service],\n    \
         resource: [Key],\n    context: Facts,\n}};\n"
    );
    Schema::from_str(&text).map_err(|error| error.to_string())
}

/// The Cedar request and entities of a question, checked against the schema.
pub(crate) fn request(
    question: &Question<'_>,
    limits: &Limits,
    lists: &Lists,
    schema: &Schema,
) -> Result<(Request, Entities), String> {
    let asker = match question.asker {
        Asker::Person(name) => uid("Person", name.as_ref())?,
        Asker::Service(name) => uid("Service", name.as_ref())?,
    };
    let action = uid("Action", &question.facts.kind)?;
    let key = uid("Key", question.key.as_ref())?;
    let scheme = RestrictedExpression::new_string(question.scheme.to_string());
    let attributes = [("scheme".to_owned(), scheme)].into_iter().collect();
    let key_entity = Entity::new(key.clone(), attributes, [].into()).map_err(text)?;
    let asker_entity = Entity::new_no_attrs(asker.clone(), [].into());
    let entities = Entities::from_entities([key_entity, asker_entity], Some(schema));
    let context = context(question.facts, limits, lists)?;
    let request = Request::new(asker, action, key, context, Some(schema)).map_err(text)?;
    Ok((request, entities.map_err(text)?))
}

/// An entity's Cedar name.
pub(crate) fn uid(kind: &str, name: &str) -> Result<EntityUid, String> {
    let kind = EntityTypeName::from_str(kind).map_err(text)?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(name)))
}

fn context(facts: &Facts, limits: &Limits, lists: &Lists) -> Result<Context, String> {
    let string = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let set = |texts: Vec<&str>| RestrictedExpression::new_set(texts.into_iter().map(string));
    let to = facts.to.iter().map(String::as_str).collect();
    let assets = facts.moves.iter().map(|amount| amount.asset.as_str()).collect();
    let destinations = i64::try_from(facts.to.len()).map_err(text)?;
    let mut pairs = vec![
        ("account", RestrictedExpression::new_long(facts.account.into())),
        ("path", string(&facts.path)),
        ("network", string(&facts.network)),
        ("to", set(to)),
        ("destinations", RestrictedExpression::new_long(destinations)),
        ("to_in", set(lists.with_all(facts))),
        ("to_any_in", set(lists.with_any(facts))),
        ("within", set(limits.within(facts))),
        ("assets", set(assets)),
        ("calls", RestrictedExpression::new_bool(facts.calls)),
        ("creates", RestrictedExpression::new_bool(facts.creates)),
    ];
    pairs.extend(facts.selector.as_deref().map(|selector| ("selector", string(selector))));
    let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
    Context::from_pairs(pairs).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

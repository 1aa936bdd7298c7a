//! `key import begin|order|offer|deal|submit`: a key that exists already is brought here. Two of
//! the verbs need no network and are meant for a machine that has none. See `spec/import.md`.

use super::super::charter::file_motion;
use super::super::key::{parse_tree, text as key_text, tree_of_nodes};
use super::wait_for;
use crate::args::Signer;
use crate::args::import::{Format, Import, Secret};
use crate::args::lifecycle::Wait;
use crate::domain::{self, read_at_most, write_whole};
use crate::face::Face;
use crate::failure::{Exit, Failure, Result};
use crate::foreign::{self, ForeignError, ForeignKey, HdPath};
use crate::replay;
use crate::session::Session;
use quorate_access::Tree;
use quorate_charter::{Imported, MotionBody, State, most_faults, verify_log};
use quorate_client::contract::{
    Addresses, CeremonyView, EntryPage, HexBytes, ImportOfferAnswer, SubmitImport, routes,
};
use quorate_codec::Digest;
use quorate_engine::Seed;
use quorate_identity::{GenesisHash, Head, ImporterKey, ImporterSecret, Name, Scheme};
use quorate_intent::{KeyFacts, Network};
use quorate_machine::import::{ImportError, ImportOffer, deal};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Longest secret that is read, in bytes: keystores are the longest.
const SECRET_BYTES_MAX: usize = 64 << 10;
/// Longest file of a ceremony that is read, in bytes: an offer has the whole charter.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Longest file of an importer's identity, in bytes.
const CEREMONY_BYTES_MAX: usize = 4 << 10;
/// How often the nodes are asked whether they are ready.
const POLL: Duration = Duration::from_millis(200);

/// What is ordered: a key's public facts. Public.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    scheme: Scheme,
    public: HexBytes,
    chain_code: Digest,
    importer: HexBytes,
}

/// What the importer keeps from one verb to the next: its one-time identity, and not the key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ceremony {
    scheme: Scheme,
    public: HexBytes,
    #[serde(with = "secret_hex")]
    identity: Zeroizing<[u8; 32]>,
}

/// 32 secret bytes as hexadecimal text, of which no copy stays behind.
mod secret_hex {
    use quorate_codec::hex;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub fn serialize<S: Serializer>(
        bytes: &Zeroizing<[u8; 32]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(hex::encode(&**bytes)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Zeroizing<[u8; 32]>, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        hex::decode_array(text).map(Zeroizing::new).map_err(D::Error::custom)
    }
}

/// What is carried to the importer. Public.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferFile {
    genesis_file: HexBytes,
    entries: Vec<HexBytes>,
    offer: HexBytes,
}

/// What is carried back. Public.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DealingFile {
    key: Name,
    dealing: HexBytes,
}

/// What `begin` shows.
#[derive(Serialize)]
struct Begun {
    scheme: Scheme,
    public: HexBytes,
    addresses: Addresses,
    importer: String,
    request: String,
}

/// What `deal` shows.
#[derive(Serialize)]
struct Dealt {
    key: Name,
    domain: GenesisHash,
    /// The charter that the offer shows, as far as it goes.
    position: u64,
    head: Head,
    access: Tree<Name>,
    attempt: u32,
    dealing: String,
}

/// Runs an import verb.
///
/// # Errors
/// The caller's, or a node's.
pub async fn run(verb: Import, face: Face) -> Result<()> {
    match verb {
        Import::Begin { scheme, secret, ceremony, request } => {
            begin(&scheme, &secret, &ceremony, &request, face)
        }
        Import::Order { name, request, access, faults, signer } => {
            order(&name, &request, &access, faults, &signer, face).await
        }
        Import::Offer { name, output, timeout, reader } => {
            let session = Session::read(&reader)?;
            offer(&session, &domain::name(&name)?, &output, timeout, face).await
        }
        Import::Deal { offer, genesis, ceremony, secret, output } => {
            deal_offline(&offer, &genesis, &ceremony, &secret, &output, face)
        }
        Import::Submit { name, dealing, wait, signer } => {
            submit(&domain::name(&name)?, &dealing, wait, &signer, face).await
        }
    }
}

/// What to do while the nodes wait for the importer.
pub fn waits_text(key: &Name) -> String {
    format!(
        "quorate key import offer {key} --output OFFER, then deal it where the key is; they wait \
         a day, and a node that restarts meanwhile makes that offer void: then take the next one"
    )
}

fn begin(scheme: &str, from: &Secret, ceremony: &Path, request: &Path, face: Face) -> Result<()> {
    let scheme: Scheme = scheme
        .parse()
        .map_err(|error| Failure::caller("bad_scheme", error, "name one of them with --scheme"))?;
    if ceremony.exists() || request.exists() {
        let message = "a file of this name exists already; nothing was written";
        return Err(Failure::caller("file_exists", message, "choose other names"));
    }
    let key = read_secret(from, scheme)?;
    let public = key.public().map_err(|error| wrong_secret(&error))?;
    let identity = ImporterSecret::generate(&mut rand_core::OsRng);
    let importer = identity.public();
    // Whoever has no chain code gets one that leads to no key that was used before.
    let chain_code = Digest(key.chain_code().unwrap_or_else(crate::random_bytes));
    let facts = KeyFacts { scheme, public_key: public_key(scheme, &public) };
    let begun = Begun {
        scheme,
        public: public.clone().into(),
        addresses: super::super::key::test_addresses(&facts)?,
        importer: importer.to_string(),
        request: request.display().to_string(),
    };
    // Which key it is only its secret says, so a rehearsal reads it too.
    face.before(|| {
        let files = format!("{} and {}", ceremony.display(), request.display());
        format!("write {files} for this key\n{}", begun_text(&begun))
    })?;
    let kept = Ceremony { scheme, public: public.clone().into(), identity: identity.to_bytes() };
    // With room for all of it, so that no part stays behind in a buffer that grew.
    let mut text = Zeroizing::new(Vec::with_capacity(CEREMONY_BYTES_MAX));
    let written = serde_json::to_writer(&mut *text, &kept);
    written.map_err(|error| Failure::machine("cannot_write", error, "try again"))?;
    write_whole(ceremony, &text, 0o600)?;
    let ordered = Request {
        scheme,
        public: public.into(),
        chain_code,
        importer: importer.as_bytes().to_vec().into(),
    };
    write_json(request, &ordered, 0o644)?;
    face.show(&begun, begun_text);
    Ok(())
}

async fn order(
    name: &str,
    request: &Path,
    access: &str,
    faults: Option<u8>,
    by: &Signer,
    face: Face,
) -> Result<()> {
    let name = domain::name(name)?;
    let tree = parse_tree(access)?;
    let Request { scheme, public, chain_code, importer } = read_json(request)?;
    let wrong = || {
        let message = format!("{} is no request for an import", request.display());
        Failure::caller("bad_request", message, "name the file that `key import begin` wrote")
    };
    let importer: [u8; 32] = importer.0.as_slice().try_into().map_err(|_| wrong())?;
    let importer = ImporterKey::from_bytes(&importer).map_err(|_| wrong())?;
    let session = Session::sign(by)?;
    let state = session.replay().await?;
    let access = tree_of_nodes(&state, &tree)?;
    let faults = faults.unwrap_or_else(|| most_faults(&access));
    let imported = Imported { public: public.0, chain_code, importer };
    let body = MotionBody::KeyImport { name, scheme, access, faults, imported };
    file_motion(&session, &state, body, face).await
}

async fn offer(
    session: &Session,
    name: &Name,
    output: &Path,
    timeout: u64,
    face: Face,
) -> Result<()> {
    let began = Instant::now();
    let progress = face.progress(&format!("nodes get ready for the importer of {name}"));
    let answer: ImportOfferAnswer = loop {
        match session.get(&routes::import(name)).await {
            Ok(answer) => break answer,
            Err(failure) if is_early(&failure) => {
                if began.elapsed() >= Duration::from_secs(timeout) {
                    return Err(failure.with_exit(Exit::Quorum));
                }
                progress.says(failure.body().message.as_str());
                tokio::time::sleep(POLL).await;
            }
            Err(failure) => return Err(failure),
        }
    };
    let (state, entries) = whole_log(session).await?;
    let read = quorate_codec::from_bytes::<ImportOffer>(&answer.offer.0);
    let checked = read.map_err(ImportError::from).and_then(|offer| {
        offer.check(&state).map(|_| ())?;
        Ok(offer.plan.attempt)
    });
    let attempt = checked
        .map_err(|error| Failure::peer("bad_offer", error, "ask another node with --node"))?;
    let genesis_file = HexBytes(quorate_codec::to_bytes(session.genesis()));
    let file = OfferFile { genesis_file, entries, offer: answer.offer };
    write_json(output, &file, 0o644)?;
    let shown = serde_json::json!({
        "key": name, "attempt": attempt, "offer": output.display().to_string(),
    });
    face.show(&shown, |_| {
        format!(
            "the nodes are ready, in attempt {attempt}; carry {} to where the key is, and there:\n  \
             quorate key import deal --offer FILE --genesis {} --ceremony FILE --output DEALING",
            output.display(),
            session.founding().genesis()
        )
    });
    Ok(())
}

/// The nodes do not know the motion yet, or are not all ready.
fn is_early(failure: &Failure) -> bool {
    matches!(failure.code(), "key_not_ready" | "unknown_key")
}

/// The charter up to a node's head, verified here, and its entries as they came.
async fn whole_log(session: &Session) -> Result<(State, Vec<HexBytes>)> {
    let (mut state, mut entries) = (session.founding().clone(), Vec::new());
    loop {
        let page: EntryPage = session.get(&routes::entries(state.position())).await?;
        let before = state.position();
        // Whoever deals gets them: every certificate is verified (GOV-24).
        for line in &page.entries {
            state = replay::apply(state, &replay::entry(&line.entry)?)?;
        }
        let last = page.position;
        entries.extend(page.entries.into_iter().map(|line| line.entry));
        if state.position() >= last || state.position() == before {
            return Ok((state, entries));
        }
    }
}

fn deal_offline(
    offer: &Path,
    genesis: &str,
    ceremony: &Path,
    from: &Secret,
    output: &Path,
    face: Face,
) -> Result<()> {
    let genesis: GenesisHash = replay::parse_hash(genesis, "genesis hash")?;
    let OfferFile { genesis_file, entries, offer } = read_json(offer)?;
    let foreign = |error: &dyn std::fmt::Display| {
        let message = format!("the offer is not for the domain that you named: {error}");
        let next = "compare the genesis hash with two operators, and take the offer again; deal \
                    nothing before it fits";
        Failure::peer("bad_offer", message, next)
    };
    let file = quorate_codec::from_bytes(&genesis_file.0).map_err(|error| foreign(&error))?;
    let entries: Vec<_> = entries.iter().map(replay::entry).collect::<Result<_>>()?;
    let state = verify_log(&file, &genesis, entries).map_err(|error| foreign(&error))?;
    let offer: ImportOffer =
        quorate_codec::from_bytes(&offer.0).map_err(|error| foreign(&error))?;
    let (order, imported) = offer.check(&state).map_err(|error| foreign(&error))?;
    let kept = read_ceremony(ceremony)?;
    let identity = ImporterSecret::from_bytes(&kept.identity);
    if imported.importer != identity.public() || imported.public != kept.public.0 {
        let message = "the charter orders the import of another key, or by another importer";
        let next = "compare the motion with what `key import begin` showed; withdraw it if it was \
                    not yours";
        return Err(Failure::peer("other_import", message, next));
    }
    let key = read_secret(from, order.scheme)?;
    if key.public().map_err(|error| wrong_secret(&error))? != imported.public {
        let message = "this is not the key whose import was ordered: it makes another public point";
        let next = "give the same key, format and path as at `key import begin`";
        return Err(Failure::caller("other_key", message, next));
    }
    let named =
        |id: &quorate_identity::NodeId| state.node(id).map(|node| node.name.clone()).ok_or(());
    let access = offer.plan.tree.try_map(named).map_err(|()| foreign(&"an unknown node"))?;
    face.before(|| format!("deal key {} to {access}, into {}", order.name, output.display()))?;
    let seeds = [Seed::new(crate::random_bytes()), Seed::new(crate::random_bytes())];
    let answer = deal(&state, &offer, &identity, key.secret(), seeds);
    let answer = answer.map_err(|error| foreign(&error))?;
    let dealing = HexBytes(quorate_codec::to_bytes(&answer));
    write_json(output, &DealingFile { key: order.name.clone(), dealing }, 0o644)?;
    let dealt = Dealt {
        key: order.name.clone(),
        domain: genesis,
        position: state.position(),
        head: state.head(),
        access,
        attempt: offer.plan.attempt,
        dealing: output.display().to_string(),
    };
    face.show(&dealt, |dealt| {
        format!(
            "key {} is dealt to {}, attempt {}, as of position {} of the charter, head {}\ncompare \
             position and head with `quorate status`; then carry {} back, and there: quorate key import \
             submit {} --dealing FILE --as NAME\nonce the key is active here, destroy every copy \
             of it: whoever has one can sign alone",
            dealt.key, dealt.access, dealt.attempt, dealt.position, dealt.head, dealt.dealing, dealt.key
        )
    });
    Ok(())
}

async fn submit(name: &Name, dealing: &Path, wait: Wait, by: &Signer, face: Face) -> Result<()> {
    let file: DealingFile = read_json(dealing)?;
    if file.key != *name {
        let message = format!("this was dealt for the key {}", file.key);
        return Err(Failure::caller("other_key", message, "name that key, or another file"));
    }
    let session = Session::sign(by)?;
    face.before(|| format!("bring what was dealt for key {name} to the nodes"))?;
    let body = SubmitImport { dealing: file.dealing };
    let views: Vec<CeremonyView> = session.post(&routes::import(name), &body).await?;
    if wait.no_wait {
        views.iter().for_each(|view| face.show(view, super::ceremony_text));
        return Ok(());
    }
    let key = wait_for(&session, name, Duration::from_secs(wait.timeout), face).await?;
    face.show(&key, key_text);
    face.tell("destroy every copy of the imported key now: whoever has one can sign alone");
    Ok(())
}

/// The key, from where the caller says.
fn read_secret(from: &Secret, scheme: Scheme) -> Result<ForeignKey> {
    let read = |prompt: &str| secret_text(from.secret_file.as_deref(), prompt);
    let key = match from.format {
        Format::Raw => foreign::raw(&read("the key, 64 digits: ")?, scheme),
        Format::Seed => foreign::seed(&read("the seed, 64 digits: ")?, scheme),
        Format::Wif => {
            let network = from.network.as_deref().unwrap_or_default();
            let network: Network = network.parse().map_err(|error| {
                let next = "name mainnet, testnet, signet or regtest with --network";
                Failure::caller("bad_network", error, next)
            })?;
            foreign::wif(&read("the key in WIF: ")?, network, scheme)
        }
        Format::Mnemonic => {
            let path = from.path.as_deref().unwrap_or_default();
            let path: HdPath = path.parse().map_err(|error| wrong_secret(&error))?;
            let passphrase = match &from.password_file {
                Some(file) => domain::passphrase(Some(file), None, "")?,
                None => Zeroizing::default(),
            };
            foreign::mnemonic(&read("the words: ")?, &passphrase, &path, scheme)
        }
        Format::Keystore => {
            let text = read("the keystore: ")?;
            let file = from.password_file.as_deref();
            let password = domain::passphrase(file, None, "password of the keystore: ")?;
            foreign::keystore(&text, &password, scheme)
        }
        Format::Pem => {
            let text = read("the key in PEM: ")?;
            let password = match foreign::is_encrypted(&text) {
                true => {
                    let file = from.password_file.as_deref();
                    domain::passphrase(file, None, "password of the key: ")?
                }
                false => Zeroizing::default(),
            };
            foreign::pem(&text, &password, scheme)
        }
    };
    key.map_err(|error| wrong_secret(&error))
}

/// A secret text: a file, standard input, or a prompt without an echo.
fn secret_text(file: Option<&Path>, prompt: &str) -> Result<Zeroizing<String>> {
    let wrong = |error: &dyn std::fmt::Display| {
        let message = format!("the key cannot be read: {error}");
        let next = "name a readable text file with --secret-file, - for standard input, or leave \
                    it out at a terminal";
        Failure::caller("secret_file", message, next)
    };
    let Some(path) = file else {
        let typed = rpassword::prompt_password(prompt).map(Zeroizing::new);
        return typed.map_err(|error| wrong(&error));
    };
    let read = match path.as_os_str() == "-" {
        true => read_wiped(&mut std::io::stdin(), SECRET_BYTES_MAX),
        false => File::open(path).and_then(|mut file| read_wiped(&mut file, SECRET_BYTES_MAX)),
    };
    let bytes = read.map_err(|error| wrong(&error))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| wrong(&error))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Reads something secret to its end, with room for all of it, so that no part stays behind in a
/// buffer that grew.
fn read_wiped(from: &mut impl Read, bytes_max: usize) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(bytes_max + 1));
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    from.take(limit + 1).read_to_end(&mut bytes)?;
    match bytes.len() <= bytes_max {
        true => Ok(bytes),
        false => Err(std::io::Error::other(format!("longer than {bytes_max} bytes"))),
    }
}

fn read_ceremony(path: &Path) -> Result<Ceremony> {
    let read = File::open(path).and_then(|mut file| read_wiped(&mut file, CEREMONY_BYTES_MAX));
    let bytes = read.map_err(|error| Failure::named_file(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|_| {
        let message = format!("{} holds no importer's identity", path.display());
        Failure::caller("bad_ceremony", message, "name the file that `key import begin` wrote")
    })
}

fn wrong_secret(error: &ForeignError) -> Failure {
    let next = "check the format, the path, the network and the scheme; nothing was kept";
    Failure::caller("bad_secret", error, next)
}

/// The public key as its scheme writes it.
fn public_key(scheme: Scheme, point: &[u8]) -> Vec<u8> {
    match scheme {
        Scheme::Bip340 => point.get(1..).unwrap_or_default().to_vec(),
        Scheme::EcdsaSecp256k1 | Scheme::EcdsaP256 | Scheme::Ed25519 => point.to_vec(),
    }
}

fn begun_text(begun: &Begun) -> String {
    let mut text = format!("a key for {}\n  public    {:?}\n", begun.scheme, begun.public);
    let Addresses { ethereum, p2wpkh, p2tr } = &begun.addresses;
    for (name, address) in [("ethereum", ethereum), ("p2wpkh", p2wpkh), ("p2tr", p2tr)] {
        if let Some(address) = address {
            let _ = writeln!(text, "  {name:<9} {address}");
        }
    }
    let _ = write!(
        text,
        "compare it with what the key's wallet shows; then carry {} to the domain, and there:\n  \
         quorate key import order NAME --request FILE --access TREE --as NAME",
        begun.request
    );
    text
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes =
        read_at_most(path, FILE_BYTES_MAX).map_err(|error| Failure::named_file(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|_| {
        let message = format!("{} is not the file that is needed here", path.display());
        Failure::caller("bad_file", message, "name what the verb before it wrote")
    })
}

fn write_json<T: Serialize>(path: &Path, value: &T, mode: u32) -> Result<()> {
    // The types above always serialise.
    write_whole(path, &serde_json::to_vec(value).unwrap_or_default(), mode)
}

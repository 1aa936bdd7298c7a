//! One caller's business with the nodes of a domain: who signs, whom to ask, what to verify.

use crate::args::{Reader, Signer};
use crate::domain::{self, DomainDir};
use crate::face::Face;
use crate::failure::{Exit, Failure, Result};
use crate::replay;
use quorate_charter::{EpochRecord, GenesisFile, State};
use quorate_client::contract::{
    CharterEntry, EntryPage, EpochRecordAnswer, ErrorBody, RequestView, Status, routes,
};
use quorate_client::net::Client;
use quorate_identity::{
    ActorId, AgentSigner, Credential, CredentialKind, CredentialSigner, FileSigner, Name,
    RequestId, SignerError,
};
use quorate_intent::KeyFacts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The read-only auditor whom founding enrols for a domain directory.
pub const AUDITOR: &str = "auditor";

/// How long nodes besides the first that answers are waited for.
const OTHERS_MAX: Duration = Duration::from_secs(1);

/// How long a further page of one of them is waited for.
const PAGE_MAX: Duration = Duration::from_secs(10);

/// Whoever signs, wherever the key is.
pub type AnySigner = Arc<dyn CredentialSigner + Send + Sync>;

/// Who calls, and the nodes that can be called.
#[derive(Clone)]
pub struct Session {
    dir: DomainDir,
    genesis: GenesisFile,
    founding: State,
    /// The charter as this machine last verified it.
    known: State,
    actor: ActorId,
    name: Name,
    signer: AnySigner,
    nodes: Vec<Reachable>,
    only: Option<Name>,
    /// The position of the charter that the nodes are known by.
    followed: Arc<AtomicU64>,
}

/// What some node has that follows from a state.
struct Beyond {
    client: Arc<Client>,
    state: State,
    news: Vec<CharterEntry>,
}

/// A node that can be called: where it is, and the client that pins the keys it is known by.
#[derive(Clone)]
struct Reachable {
    name: Name,
    api: String,
    client: Arc<RwLock<Arc<Client>>>,
    /// The charter names it no more.
    is_gone: Arc<AtomicBool>,
}

impl Beyond {
    /// All that the node has, as far as it holds.
    async fn all(self, mut news: Vec<CharterEntry>) -> (State, Vec<CharterEntry>) {
        let Self { client, mut state, news: first } = self;
        news.extend(first);
        loop {
            let target = routes::entries(state.position());
            let page = timeout(PAGE_MAX, client.get::<EntryPage>(&target)).await;
            let Ok(Ok(page)) = page else { return (state, news) };
            match replay::apply_page(state.clone(), &page) {
                Ok(further) if further.position() > state.position() => {
                    state = further;
                    news.extend(page.entries);
                }
                _ => return (state, news),
            }
        }
    }
}

impl Session {
    /// For a command that reads.
    ///
    /// # Errors
    /// The caller's: no domain, nobody of that name, a wrong passphrase.
    pub fn read(reader: &Reader) -> Result<Self> {
        let who = reader.who.as_deref().unwrap_or(AUDITOR);
        Self::open(&reader.dir, who, reader.node.as_deref(), reader.passphrase_file.as_deref())
    }

    /// For a command that signs.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn sign(signer: &Signer) -> Result<Self> {
        let node = signer.node.as_deref();
        Self::open(&signer.dir, &signer.who, node, signer.passphrase_file.as_deref())
    }

    /// For `who` of a domain directory.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn open(
        dir: &Path,
        who: &str,
        node: Option<&str>,
        passphrase_file: Option<&Path>,
    ) -> Result<Self> {
        let dir = DomainDir::new(dir);
        let file = dir.read()?;
        let (genesis, founding) = dir.genesis()?;
        let known = replay::known(&dir, &founding)?;
        let name = domain::name(who)?;
        let only = node.map(domain::name).transpose()?;
        let person = known.person_named(&name).map(|person| ActorId::Person(person.id));
        let service = known.service_named(&name).map(|service| ActorId::Service(service.id));
        let actor = person.or(service).ok_or_else(|| unknown_actor(&known, &name))?;
        let signer = open_signer(&dir, &name, passphrase_file)?;
        let is_enrolled =
            known.actor(&actor).is_some_and(|actor| actor.keys.contains(signer.credential()));
        if !is_enrolled {
            return Err(Failure::caller(
                "wrong_key",
                format!("the key of {name} in {} is not the enrolled one", dir.path().display()),
                "put the key there whose public half the charter names; where that changed lately, \
                 take the newest charter with `quorate charter log --output D/charter.jsonl`",
            ));
        }
        let mut nodes = Vec::new();
        for line in file.nodes {
            let Some(node) = known.node_named(&line.name) else { continue };
            let (keys, hash, signer) = (&node.keys, known.genesis(), Arc::clone(&signer));
            let client = Client::new(line.api.clone(), node.id, keys, hash, actor, signer)?;
            let client = Arc::new(RwLock::new(Arc::new(client)));
            let is_gone = Arc::default();
            nodes.push(Reachable { name: line.name, api: line.api, client, is_gone });
        }
        if let Some(name) = only.as_ref().filter(|name| !nodes.iter().any(|it| it.name == **name)) {
            return Err(dir.unknown_node(name));
        }
        let followed = Arc::new(AtomicU64::new(known.position()));
        Ok(Self { dir, genesis, founding, known, actor, name, signer, nodes, only, followed })
    }

    /// The same caller, asking only this node.
    #[must_use]
    pub fn at(&self, node: &Name) -> Self {
        Self { only: Some(node.clone()), ..self.clone() }
    }

    /// The domain directory.
    pub fn dir(&self) -> &DomainDir {
        &self.dir
    }

    /// The genesis with all signatures.
    pub fn genesis(&self) -> &GenesisFile {
        &self.genesis
    }

    /// The charter as this machine last verified it, without asking anybody.
    pub fn known(&self) -> &State {
        &self.known
    }

    /// The state that the genesis founds.
    pub fn founding(&self) -> &State {
        &self.founding
    }

    /// Who calls.
    pub fn actor(&self) -> ActorId {
        self.actor
    }

    /// The caller's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The caller's key.
    pub fn signer(&self) -> &dyn CredentialSigner {
        &*self.signer
    }

    /// Reads.
    ///
    /// # Errors
    /// The node's answer, or that no node answers (exit 4).
    pub async fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T> {
        let mut silent = Silent::default();
        for node in self.candidates() {
            match self.get_from(node, target).await {
                Ok(answer) => return Ok(answer),
                Err(error) => silent.note(&node.name, error)?,
            }
        }
        Err(silent.into_failure())
    }

    /// Files a statement. Filed twice it is the same statement, so a node that breaks off is no
    /// reason not to ask the next one.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        target: &str,
        body: &B,
    ) -> Result<T> {
        Face::of_process().before(|| format!("send {target} to a node"))?;
        let mut silent = Silent::default();
        for node in self.candidates() {
            match self.post_to(node, target, body).await {
                Ok(answer) => return Ok(answer),
                Err(error) => silent.note(&node.name, error)?,
            }
        }
        Err(silent.into_failure())
    }

    /// Posts to every node that answers: each of them does something by itself. The first answer.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn everywhere<T: DeserializeOwned>(&self, target: &str) -> Result<T> {
        self.post_everywhere(target, &serde_json::json!({})).await
    }

    /// Files a statement with every node that answers: each of them acts on it by itself. The first
    /// answer.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn post_everywhere<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        target: &str,
        body: &B,
    ) -> Result<T> {
        Face::of_process().before(|| format!("send {target} to every node that answers"))?;
        let mut silent = Silent::default();
        let (mut first, mut refused) = (None, None);
        for node in self.candidates() {
            match self.post_to::<_, T>(node, target, body).await {
                Ok(answer) => first = first.or(Some(answer)),
                // One node's refusal keeps no other from hearing it.
                Err(error) => {
                    if let Err(failure) = silent.note(&node.name, error) {
                        refused.get_or_insert(failure);
                    }
                }
            }
        }
        first.ok_or_else(|| refused.unwrap_or_else(|| silent.into_failure()))
    }

    /// The charter up to the newest head that a node shows, every entry verified here.
    ///
    /// # Errors
    /// The node's: its log does not follow from the genesis.
    pub async fn replay(&self) -> Result<State> {
        let mut state = self.known.clone();
        let mut news = Vec::new();
        loop {
            let page: EntryPage = self.get(&routes::entries(state.position())).await?;
            let before = state.position();
            state = replay::apply_page(state, &page)?;
            news.extend(page.entries);
            if state.position() >= page.position || state.position() == before {
                break;
            }
        }
        for _ in self.nodes.iter().filter(|_| !self.is_touched()) {
            let Some(found) = self.beyond(&state).await else { break };
            (state, news) = found.all(news).await;
        }
        replay::remember(&self.dir, &self.genesis, &news);
        self.follow_nodes(&state);
        Ok(state)
    }

    /// A node that has something beyond a state, and what that is: whoever answered first, and others
    /// too, may have been left behind, or thrown out without having heard of it. Nobody is waited for
    /// long.
    async fn beyond(&self, state: &State) -> Option<Beyond> {
        let mut asked = JoinSet::new();
        for node in self.candidates() {
            let (client, target) = (node.client(), routes::entries(state.position()));
            asked.spawn(async move {
                let answer = client.get::<EntryPage>(&target).await;
                (client, answer)
            });
        }
        let answers = async {
            while let Some(answer) = asked.join_next().await {
                let Ok((client, Ok(page))) = answer else { continue };
                let further = replay::apply_page(state.clone(), &page);
                if let Ok(further) = further
                    && further.position() > state.position()
                {
                    return Some(Beyond { client, state: further, news: page.entries });
                }
            }
            None
        };
        timeout(OTHERS_MAX, answers).await.ok().flatten()
    }

    /// What each node of the charter says of itself and of the others, where it answers.
    pub async fn statuses(&self, state: &State) -> Vec<(Name, Option<Status>)> {
        let mut nodes = Vec::new();
        for node in state.nodes() {
            nodes
                .push((node.name.clone(), self.at(&node.name).get(routes::STATUS.path).await.ok()));
        }
        nodes
    }

    /// What other nodes say where one says that it signs nothing: it may have been left behind, or
    /// thrown out without having heard of it. The word of one that signs, else of the one that is
    /// furthest. Nobody is waited for long, and who touches a key for every read is not asked again.
    pub async fn better(&self, status: Status) -> Status {
        if self.only.is_some() || self.is_touched() {
            return status;
        }
        let mut asked = JoinSet::new();
        for node in self.candidates().filter(|node| node.name != status.node) {
            let client = node.client();
            asked.spawn(async move { client.get::<Status>(routes::STATUS.path).await });
        }
        let mut best = status;
        let answers = async {
            while let Some(answer) = asked.join_next().await {
                let Ok(Ok(other)) = answer else { continue };
                if (other.leased, other.position) > (best.leased, best.position) {
                    best = other;
                }
                if best.leased {
                    return;
                }
            }
        };
        // What came until then is what there is.
        let _ = timeout(OTHERS_MAX, answers).await;
        best
    }

    /// Whether every read asks for a touch.
    fn is_touched(&self) -> bool {
        self.signer.credential().kind() == CredentialKind::SecurityKey
    }

    /// What account 0 of a key is, verified here; `None` while it is not made.
    ///
    /// # Errors
    /// The caller's: no such key. The node's: its record does not hold.
    pub async fn key_facts(&self, state: &State, name: &Name) -> Result<Option<KeyFacts>> {
        let record = self.key_record(state, name).await?;
        Ok(record.and_then(|record| {
            let public_key = record.account(0)?.public_key.clone();
            Some(KeyFacts { scheme: record.plan.scheme, public_key })
        }))
    }

    /// The certified record of a key, verified here; `None` while it is not made. Whatever is
    /// derived from the key is derived from this.
    ///
    /// # Errors
    /// As [`key_facts`](Self::key_facts).
    pub async fn key_record(&self, state: &State, name: &Name) -> Result<Option<EpochRecord>> {
        let order = replay::key_named(state, name)?;
        match self.get::<EpochRecordAnswer>(&routes::epoch_record(name)).await {
            Ok(answer) => replay::key_record(state, order, &answer).map(Some),
            Err(failure) if failure.code() == "key_not_ready" => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// One request.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn request(&self, id: &RequestId) -> Result<RequestView> {
        self.get(&routes::request(id)).await
    }

    async fn get_from<T: DeserializeOwned>(
        &self,
        node: &Reachable,
        target: &str,
    ) -> std::result::Result<T, ErrorBody> {
        let answer = node.client().get(target).await;
        match self.has_other_keys(node, &answer).await {
            true => node.client().get(target).await,
            false => answer,
        }
    }

    async fn post_to<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        node: &Reachable,
        target: &str,
        body: &B,
    ) -> std::result::Result<T, ErrorBody> {
        let answer = node.client().post(target, body).await;
        match self.has_other_keys(node, &answer).await {
            true => node.client().post(target, body).await,
            false => answer,
        }
    }

    /// Whether the node that answered with other keys than it is known by has them from the charter,
    /// which the others tell; then it is known by them from now on.
    async fn has_other_keys<T>(
        &self,
        node: &Reachable,
        answer: &std::result::Result<T, ErrorBody>,
    ) -> bool {
        let is_other = |error: &ErrorBody| error.code.as_str() == "wrong_node_key";
        if !answer.as_ref().is_err_and(is_other) {
            return false;
        }
        let others = Self { only: None, ..self.clone() }.without(&node.name);
        // In a box, because the others are asked in the same way.
        let Ok(state) = Box::pin(others.replay()).await else { return false };
        self.follow_nodes(&state);
        let known = state.node_named(&node.name);
        known.is_some_and(|known| state.seat(&known.id).is_some())
    }

    /// Knows every node by the keys that it has in a charter that was verified: whoever has former
    /// ones, or is not in it any more, is nobody from then on.
    fn follow_nodes(&self, state: &State) {
        if self.followed.fetch_max(state.position(), Ordering::Relaxed) > state.position() {
            return;
        }
        for node in &self.nodes {
            let known = state.node_named(&node.name);
            node.is_gone.store(known.is_none(), Ordering::Relaxed);
            let Some(known) = known else { continue };
            if state.seat(&known.id).is_none() {
                continue;
            }
            let (hash, signer) = (state.genesis(), Arc::clone(&self.signer));
            let client =
                Client::new(node.api.clone(), known.id, &known.keys, hash, self.actor, signer);
            // Keys of the charter make a client, as those of the genesis do.
            if let Ok(client) = client {
                *node.client.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(client);
            }
        }
    }

    fn without(mut self, node: &Name) -> Self {
        self.nodes.retain(|it| it.name != *node);
        self
    }

    /// The nodes to ask, in order: the one that the caller named, or all of the charter.
    fn candidates(&self) -> impl Iterator<Item = &Reachable> {
        let is_asked = |node: &Reachable| match &self.only {
            Some(only) => *only == node.name,
            None => !node.is_gone.load(Ordering::Relaxed),
        };
        self.nodes.iter().filter(move |node| is_asked(node))
    }
}

impl Reachable {
    fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Nodes that could not be asked, were busy, or did not know.
#[derive(Default)]
struct Silent {
    names: Vec<String>,
    busy: Option<ErrorBody>,
    /// The first node's word that it does not know what another one may know: it was down when
    /// a request came and ended, or it lags behind.
    unknown: Option<ErrorBody>,
}

impl Silent {
    /// Notes that another node has to be asked; any other error is the answer.
    fn note(&mut self, name: &Name, error: ErrorBody) -> Result<()> {
        match error.code.as_str() {
            "busy" | "not_serving" => self.busy = Some(error),
            "unknown_request" | "unknown_motion" | "unknown_key" | "unknown_bundle"
            | "key_not_ready" | "not_signed" => {
                self.unknown.get_or_insert(error);
            }
            "unreachable" | "no_answer" | "broken_off" => self.names.push(name.to_string()),
            "wrong_node_key" | "bad_answer" => {
                return Err(error.with_culprits(vec![name.to_string()]).into());
            }
            _ => return Err(error.into()),
        }
        Ok(())
    }

    fn into_failure(self) -> Failure {
        if let Some(error) = self.unknown.or(self.busy) {
            return error.into();
        }
        let (message, next) = match self.names.is_empty() {
            true => ("domain.json names no node of this genesis", "correct domain.json".to_owned()),
            false => (
                "no node answers",
                format!("start one with `quorate node run`; silent: {}", self.names.join(", ")),
            ),
        };
        Failure::peer("no_answer", message, next).with_exit(Exit::Quorum)
    }
}

/// The key of a person or service: a file of the domain directory, or ssh-agent where only the
/// public half lies there.
fn open_signer(dir: &DomainDir, name: &Name, passphrase_file: Option<&Path>) -> Result<AnySigner> {
    let path = match dir.actor_key(name) {
        Ok(path) => path,
        Err(failure) => return agent_signer(dir, name).unwrap_or(Err(failure)),
    };
    key_file(&path, passphrase_file, &format!("passphrase of the key of {name}: "))
}

/// A private key file, with its passphrase where it has one.
///
/// # Errors
/// The caller's: no such key, a wrong passphrase.
pub fn key_file(path: &Path, passphrase_file: Option<&Path>, prompt: &str) -> Result<AnySigner> {
    match FileSigner::open(path, None) {
        Ok(signer) => Ok(Arc::new(signer)),
        Err(SignerError::PassphraseNeeded) => {
            let passphrase = domain::passphrase(passphrase_file, None, prompt)?;
            Ok(Arc::new(FileSigner::open(path, Some(passphrase.as_bytes()))?))
        }
        Err(error) => Err(error.into()),
    }
}

/// The signer in ssh-agent for a public key.
///
/// # Errors
/// The caller's: no agent, or one without the key.
pub fn agent(credential: &Credential) -> Result<AnySigner> {
    let socket = std::env::var_os("SSH_AUTH_SOCK").ok_or_else(|| {
        Failure::caller("agent", "no ssh-agent runs here", "start one, and ssh-add the key")
    })?;
    Ok(Arc::new(AgentSigner::connect(Path::new(&socket), credential)?))
}

fn agent_signer(dir: &DomainDir, name: &Name) -> Option<Result<AnySigner>> {
    let folders = ["people", "services"].map(|folder| dir.path().join(folder));
    let lines = folders.map(|folder| {
        std::fs::read_to_string(folder.join(name.as_str()).with_added_extension("pub")).ok()
    });
    let credential = Credential::from_openssh(&lines.into_iter().flatten().next()?).ok()?;
    Some(agent(&credential))
}

fn unknown_actor(state: &State, name: &Name) -> Failure {
    let people = state.people().map(|person| person.name.as_str());
    let known: Vec<&str> = people.chain(state.services().map(|s| s.name.as_str())).collect();
    Failure::caller(
        "unknown_actor",
        format!("there is no person or service {name} in this domain"),
        format!(
            "name one of: {}; who joined lately is known once this directory has the newest \
             charter: `quorate charter status`, as somebody who is known here",
            known.join(", ")
        ),
    )
}

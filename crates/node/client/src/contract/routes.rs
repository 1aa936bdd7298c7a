//! The table of calls: one line each, for nodes, clients and the OpenAPI document alike.

use quorate_codec::Digest;
use quorate_derivation::Path;
use quorate_identity::{Head, MotionId, Name, RequestId};

/// A call that a node answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// `GET` reads, `POST` files a statement.
    pub method: &'static str,
    /// The path, with `{…}` where an argument stands.
    pub path: &'static str,
    /// Query parameters, where the call has any: name, and what it says.
    pub query: &'static [(&'static str, &'static str)],
    /// Type of the body in the contract; empty where there is none.
    pub body: &'static str,
    /// Type of the answer in the contract; empty where it is not JSON.
    pub answer: &'static str,
    /// What it does.
    pub summary: &'static str,
}

/// Longest wait of `GET …/wait`, in milliseconds; ask again afterwards.
pub const WAIT_MS_MAX: u64 = 30_000;
/// Most elements of a page.
pub const PAGE_MAX: u64 = 256;

macro_rules! routes {
    ($($(#[$doc:meta])* $name:ident: $method:literal $path:literal [$($query:literal: $says:literal),*] $body:literal => $answer:literal, $summary:literal;)*) => {
        $($(#[$doc])* pub const $name: Route = Route {
            method: $method, path: $path, query: &[$(($query, $says)),*], body: $body,
            answer: $answer, summary: $summary,
        };)*
        /// All calls.
        pub const ALL: &[Route] = &[$($name),*];
    };
}

routes! {
    /// Status of the domain.
    STATUS: "GET" "/v1/status" [] "" => "Status", "Who is alive, which keys can sign, what is missing.";
    /// The node's head.
    CHARTER: "GET" "/v1/charter" [] "" => "Charter", "Domain, genesis and head.";
    /// The genesis file.
    GENESIS: "GET" "/v1/charter/genesis" [] "" => "GenesisAnswer", "The genesis with all signatures.";
    /// Certified entries.
    ENTRIES: "GET" "/v1/charter/entries" ["after": "a position; 0 for the first page"] "" => "EntryPage", "Certified entries after a position.";
    /// Names and ids.
    ROSTER: "GET" "/v1/charter/roster" [] "" => "RosterAnswer", "Nodes, people and services at the head.";
    /// Custodians.
    CUSTODY: "GET" "/v1/custody" [] "" => "CustodyView", "Who restores what is lost, and what the answering node asks them to show.";
    /// Brings an answer.
    SHOW_POSSESSION: "POST" "/v1/custody/answers" [] "ShowPossession" => "CustodyView", "Brings a custodian's answer to what the answering node asked.";
    /// Records a drill.
    RECORD_DRILL: "POST" "/v1/drills" [] "RecordDrill" => "CustodyView", "Brings the proof that custodians restored a canary in a drill.";
    /// What is frozen.
    FREEZES: "GET" "/v1/freezes" [] "" => "[FreezeView]", "Freezes that count at the answering node.";
    /// Stops signing.
    FREEZE: "POST" "/v1/freezes" [] "SubmitFreeze" => "[FreezeView]", "A person's statement that stops signing for a key or the domain; honoured on receipt.";
    /// Announced successions.
    SUCCESSIONS: "GET" "/v1/successions" [] "" => "[CessionView]", "Successions that are announced at the answering node.";
    /// Announces a succession.
    ANNOUNCE_SUCCESSION: "POST" "/v1/successions" [] "SubmitCession" => "[CessionView]", "Guardians' word that another domain takes over; a node that hears it stops for good after its delay.";
    /// All motions that the node keeps.
    MOTIONS: "GET" "/v1/motions" [] "" => "[MotionView]", "Motions, newest last.";
    /// One motion.
    MOTION: "GET" "/v1/motions/{motion}" [] "" => "MotionView", "One motion.";
    /// Files a motion.
    SUBMIT_MOTION: "POST" "/v1/motions" [] "SubmitMotion" => "MotionView", "Files a motion with its first signature.";
    /// Signs a motion.
    SIGN_MOTION: "POST" "/v1/motions/{motion}/signatures" [] "SignMotion" => "MotionView", "Adds a signature to a motion.";
    /// All keys.
    KEYS: "GET" "/v1/keys" [] "" => "[KeyView]", "All keys.";
    /// One key.
    KEY: "GET" "/v1/keys/{key}" [] "" => "KeyView", "One key, by name.";
    /// A key's certified epoch record.
    EPOCH_RECORD: "GET" "/v1/keys/{key}/record" [] "" => "EpochRecordAnswer", "The certified epoch record of a key.";
    /// A backup of a key.
    BUNDLE: "GET" "/v1/keys/{key}/bundles/{bundle}" [] "" => "BundleAnswer", "A backup that the key's certified epoch record names, from a node that keeps it.";
    /// A node's part of an exported key.
    EXPORT_PART: "GET" "/v1/keys/{key}/exports/{entry}" [] "" => "ExportPartAnswer", "The answering node's part of a key that the charter gave to somebody whole, encrypted to them.";
    /// The epochs of a key.
    EPOCHS: "GET" "/v1/keys/{key}/epochs" [] "" => "[EpochView]", "The epochs of a key, newest first.";
    /// What is under way for keys.
    CEREMONIES: "GET" "/v1/ceremonies" [] "" => "[CeremonyView]", "What is under way for keys.";
    /// What is under way for one key.
    CEREMONY: "GET" "/v1/ceremonies/{key}" [] "" => "[CeremonyView]", "What is under way for one key: one element, or none.";
    /// Tries again at once.
    RETRY_CEREMONY: "POST" "/v1/ceremonies/{key}/retry" [] "" => "[CeremonyView]", "Forgets earlier failures and tries again at once.";
    /// What the importer of a key needs.
    IMPORT_OFFER: "GET" "/v1/ceremonies/{key}/import" [] "" => "ImportOfferAnswer", "What the importer of a key needs, once every node is ready.";
    /// Brings what the importer dealt.
    SUBMIT_IMPORT: "POST" "/v1/ceremonies/{key}/import" [] "SubmitImport" => "[CeremonyView]", "Brings what the importer of a key dealt.";
    /// That an epoch was handed on.
    HANDOVER: "GET" "/v1/keys/{key}/handover" ["epoch": "which epoch, the newest if absent"] "" => "HandoverAnswer", "The certificate that an epoch of a key was handed on, to be verified offline.";
    /// A child of a key.
    CHILD_KEY: "GET" "/v1/keys/{key}/child" ["account": "which account of the key, 0 if absent", "path": "which child: m for the key itself, or m/0/5; indices below 2147483648"] "" => "ChildKeyView", "A child of a key, by public derivation.";
    /// A key as wallets read it.
    XPUB: "GET" "/v1/keys/{key}/xpub" ["account": "which account of the key, 0 if absent", "network": "mainnet, testnet, signet or regtest"] "" => "XpubView", "Extended public key and output descriptors of a key.";
    /// The policy in force.
    POLICY: "GET" "/v1/policy" [] "" => "PolicyView", "The policy in force.";
    /// Requests.
    REQUESTS: "GET" "/v1/requests" ["state": "only requests in this state"] "" => "[RequestView]", "Requests, newest last.";
    /// One request.
    REQUEST: "GET" "/v1/requests/{request}" [] "" => "RequestView", "One request.";
    /// Waits for a request.
    WAIT_REQUEST: "GET" "/v1/requests/{request}/wait" ["timeout_ms": "answer at the latest after so long"] "" => "RequestView", "One request, once it has ended or the time is over.";
    /// Files a request.
    SUBMIT_REQUEST: "POST" "/v1/requests" [] "SubmitRequest" => "RequestView", "Files a request; answers once it is recorded.";
    /// Approves or rejects.
    VOTE_REQUEST: "POST" "/v1/requests/{request}/approvals" [] "SubmitStatement" => "RequestView", "Files a signed approval or rejection.";
    /// Cancels.
    CANCEL_REQUEST: "POST" "/v1/requests/{request}/cancellation" [] "SubmitStatement" => "RequestView", "Files the requester's signed cancellation.";
    /// A signed request's receipt.
    RECEIPT: "GET" "/v1/requests/{request}/receipt" [] "" => "ReceiptAnswer", "The receipt of a signed request.";
    /// What changes, as it changes.
    EVENTS: "GET" "/v1/events" [] "" => "", "Server-sent events, one Notice each.";
    /// What the node can prove.
    EVIDENCE_LIST: "GET" "/v1/evidence" [] "" => "[EvidenceView]", "Evidence against nodes, oldest first.";
    /// One piece as a file.
    EVIDENCE: "GET" "/v1/evidence/{evidence}" [] "" => "EvidenceAnswer", "A piece of evidence, to be verified offline.";
    /// The audit trail.
    AUDIT: "GET" "/v1/audit" [] "" => "Audit", "The newest lines of the node's audit trail.";
    /// Running totals.
    ACCOUNTS: "GET" "/v1/accounts" [] "" => "Accounts", "CPU, bytes and syncs by part.";
    /// Metrics.
    METRICS: "GET" "/v1/metrics" [] "" => "", "Metrics in the Prometheus text format.";
    /// This table.
    OPENAPI: "GET" "/v1/openapi.json" [] "" => "", "This interface as an OpenAPI document.";
}

/// `/v1/charter/entries?after=…`.
pub fn entries(after: u64) -> String {
    format!("{}?after={after}", ENTRIES.path)
}

/// `/v1/motions/…`.
pub fn motion(motion: &MotionId) -> String {
    format!("/v1/motions/{motion}")
}

/// `/v1/motions/…/signatures`.
pub fn motion_signatures(motion: &MotionId) -> String {
    format!("/v1/motions/{motion}/signatures")
}

/// `/v1/keys/…`.
pub fn key(key: &Name) -> String {
    format!("/v1/keys/{key}")
}

/// `/v1/keys/…/record`.
pub fn epoch_record(key: &Name) -> String {
    format!("/v1/keys/{key}/record")
}

/// `/v1/keys/…/bundles/…`.
pub fn bundle(key: &Name, bundle: &Digest) -> String {
    format!("/v1/keys/{key}/bundles/{bundle}")
}

/// `/v1/keys/…/exports/…`.
pub fn export_part(key: &Name, entry: &Head) -> String {
    format!("/v1/keys/{key}/exports/{entry}")
}

/// `/v1/keys/…/epochs`.
pub fn epochs(key: &Name) -> String {
    format!("/v1/keys/{key}/epochs")
}

/// `/v1/ceremonies/…`.
pub fn ceremony(key: &Name) -> String {
    format!("/v1/ceremonies/{key}")
}

/// `/v1/ceremonies/…/retry`.
pub fn retry_ceremony(key: &Name) -> String {
    format!("/v1/ceremonies/{key}/retry")
}

/// `/v1/ceremonies/…/import`.
pub fn import(key: &Name) -> String {
    format!("/v1/ceremonies/{key}/import")
}

/// `/v1/keys/…/handover`, of the newest epoch or a certain one.
pub fn handover(key: &Name, epoch: Option<u64>) -> String {
    let epoch = epoch.map(|epoch| format!("?epoch={epoch}")).unwrap_or_default();
    format!("/v1/keys/{key}/handover{epoch}")
}

/// `/v1/keys/…/child?account=…&path=…`.
pub fn child_key(key: &Name, account: u16, path: &Path) -> String {
    format!("/v1/keys/{key}/child?account={account}&path={path}")
}

/// `/v1/keys/…/xpub?account=…&network=…`.
pub fn xpub(key: &Name, account: u16, network: &str) -> String {
    format!("/v1/keys/{key}/xpub?account={account}&network={network}")
}

/// `/v1/evidence/…`.
pub fn evidence(evidence: &Digest) -> String {
    format!("/v1/evidence/{evidence}")
}

/// `/v1/requests/…`.
pub fn request(request: &RequestId) -> String {
    format!("/v1/requests/{request}")
}

/// `/v1/requests/…/wait?timeout_ms=…`.
pub fn wait_request(request: &RequestId, timeout_ms: u64) -> String {
    format!("/v1/requests/{request}/wait?timeout_ms={}", timeout_ms.min(WAIT_MS_MAX))
}

/// `/v1/requests/…/approvals`.
pub fn approvals(request: &RequestId) -> String {
    format!("/v1/requests/{request}/approvals")
}

/// `/v1/requests/…/cancellation`.
pub fn cancellation(request: &RequestId) -> String {
    format!("/v1/requests/{request}/cancellation")
}

/// `/v1/requests/…/receipt`.
pub fn receipt(request: &RequestId) -> String {
    format!("/v1/requests/{request}/receipt")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn api_09_no_two_calls_are_the_same() {
        let calls: BTreeSet<_> = ALL.iter().map(|route| (route.method, route.path)).collect();
        assert_eq!(calls.len(), ALL.len());
    }

    #[test]
    fn api_09_the_paths_that_clients_build_are_in_the_table() {
        let request_id = RequestId(Digest([1; 32]));
        let motion_id = MotionId(Digest([2; 32]));
        let name: Name = "treasury".parse().unwrap();
        let built = [
            (entries(3), ENTRIES),
            (motion(&motion_id), MOTION),
            (motion_signatures(&motion_id), SIGN_MOTION),
            (key(&name), KEY),
            (epoch_record(&name), EPOCH_RECORD),
            (bundle(&name, &Digest([3; 32])), BUNDLE),
            (export_part(&name, &Head(Digest([3; 32]))), EXPORT_PART),
            (epochs(&name), EPOCHS),
            (ceremony(&name), CEREMONY),
            (retry_ceremony(&name), RETRY_CEREMONY),
            (handover(&name, None), HANDOVER),
            (handover(&name, Some(3)), HANDOVER),
            (import(&name), IMPORT_OFFER),
            (import(&name), SUBMIT_IMPORT),
            (child_key(&name, 17, &"m/0/5".parse().unwrap()), CHILD_KEY),
            (xpub(&name, 17, "mainnet"), XPUB),
            (evidence(&Digest([3; 32])), EVIDENCE),
            (request(&request_id), REQUEST),
            (wait_request(&request_id, 10), WAIT_REQUEST),
            (approvals(&request_id), VOTE_REQUEST),
            (cancellation(&request_id), CANCEL_REQUEST),
            (receipt(&request_id), RECEIPT),
        ];
        for (target, route) in built {
            let (path, _) = target.split_once('?').unwrap_or((&target, ""));
            let fits = |(part, pattern): (&str, &str)| part == pattern || pattern.starts_with('{');
            assert_eq!(path.split('/').count(), route.path.split('/').count(), "{target}");
            assert!(path.split('/').zip(route.path.split('/')).all(fits), "{target}");
        }
        assert!(wait_request(&request_id, u64::MAX).ends_with("timeout_ms=30000"));
    }
}

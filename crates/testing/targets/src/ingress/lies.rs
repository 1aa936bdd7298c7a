//! What a lying node can sign: anything, as itself.

use minicbor::bytes::ByteVec;
use quorate_charter::{
    Recognition, SignedBallotMessage, SignedEpochStatement, SignedHello, SignedRejoin,
    SignedWelcome,
};
use quorate_codec::{from_bytes, tag, to_bytes};
use quorate_identity::{GenesisHash, NodeId, NodeSecrets, NodeSignature};
use quorate_machine::wire::Message;
use quorate_policy::request::SignedNodeDecision;

/// The message as the liar's own, with its signature wherever the sender of one signs.
pub fn signed_anew(
    message: Message,
    liar: NodeId,
    secrets: &NodeSecrets,
    genesis: GenesisHash,
) -> Message {
    match message {
        Message::Hello(hello) => {
            let hello = quorate_charter::Hello { node: liar, ..hello.body().clone() };
            Message::Hello(SignedHello::sign(hello, secrets))
        }
        Message::Welcome(welcome) => {
            let mut welcome = quorate_charter::Welcome { node: liar, ..welcome.body().clone() };
            if let Recognition::Lapsed(evidence) = &welcome.recognition {
                // What it shows of somebody else it cannot sign.
                welcome.recognition = Recognition::Lapsed(evidence.clone());
            }
            Message::Welcome(SignedWelcome::sign(welcome, secrets))
        }
        Message::Rejoin(rejoin) => {
            let rejoin = quorate_charter::Rejoin { node: liar, ..rejoin.body().clone() };
            Message::Rejoin(SignedRejoin::sign(rejoin, secrets))
        }
        Message::Epoch(statement) => {
            let statement =
                quorate_charter::EpochStatement { node: liar, ..statement.body().clone() };
            Message::Epoch(SignedEpochStatement::sign(statement, secrets))
        }
        Message::Ballot(said) => {
            let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
            let (instance, ballot) = (said.instance(), said.ballot());
            let body = said.body().clone();
            let said = SignedBallotMessage::sign(genesis, instance, ballot, liar, body, &sign);
            Message::Ballot(said)
        }
        Message::Deal(mut message) => {
            let said = (
                &genesis,
                &message.key,
                message.epoch,
                message.attempt,
                message.context,
                &message.step,
            );
            message.signature = secrets.sign(tag::DEAL_MESSAGE, &to_bytes(&said));
            Message::Deal(message)
        }
        Message::Decision(decision) => Message::Decision(decided(decision, liar, secrets)),
        other => other,
    }
}

/// Its parts, of which only the outermost are seen.
fn decided(
    decision: SignedNodeDecision,
    liar: NodeId,
    secrets: &NodeSecrets,
) -> SignedNodeDecision {
    let bytes = to_bytes(&decision);
    let parts: Result<(u8, NodeId, ByteVec, NodeSignature), _> = minicbor::decode(&bytes);
    let Ok((version, _, said, _)) = parts else { return decision };
    let signature = secrets.sign(tag::DECISION, &said);
    from_bytes(&to_bytes(&(version, liar, said, signature))).unwrap_or(decision)
}

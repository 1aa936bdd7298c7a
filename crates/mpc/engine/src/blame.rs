//! Who was guilty when a dealing failed, from signed messages (`spec/deal.md`, Blame), erased
//! over curves.

use crate::Failure;
use crate::deal::{DealPlan, Erase, on_curve};
use quorate_curve::{Ed25519, P256, Secp256k1};
use quorate_identity::{NodeId, Scheme};
use quorate_keygen::{
    Accusation, EchoFindings, Misdealing, Signatures, Signed, Terms, Unproven,
    judge_echoes as judge_echoes_on,
};
use std::collections::BTreeMap;

/// What is held against somebody, where it takes the terms of the dealing to judge it.
#[derive(Debug, Clone, Copy)]
pub enum Charge<'a> {
    /// A receiver's complaint about one dealer (DEAL-20).
    Share(&'a Accusation),
    /// All messages of a run (DEAL-25).
    Run(&'a Misdealing),
}

/// Who is proven guilty of a charge in the dealing that `plan` began; ascending, somebody. Which
/// node the plan is of does not matter, and it holds no secret.
///
/// # Errors
/// [`crate::Fault::Caller`]: such a dealing cannot be, or nothing is proven about anybody.
pub fn judge(
    plan: DealPlan,
    charge: Charge<'_>,
    signatures: &impl Signatures,
) -> Result<Vec<NodeId>, Failure> {
    match plan.scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => judge_on::<Secp256k1>(plan, charge, signatures),
        Scheme::Ed25519 => judge_on::<Ed25519>(plan, charge, signatures),
        Scheme::EcdsaP256 => judge_on::<P256>(plan, charge, signatures),
    }
}

/// What echoes that differ come from (DEAL-21); see [`quorate_keygen::judge_echoes`].
///
/// # Errors
/// [`crate::Fault::Caller`]: such a dealing cannot be.
pub fn judge_echoes(
    plan: DealPlan,
    echoes: &BTreeMap<NodeId, Signed>,
    shown: &BTreeMap<NodeId, BTreeMap<NodeId, Signed>>,
    signatures: &impl Signatures,
) -> Result<EchoFindings, Failure> {
    match plan.scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => {
            Ok(judge_echoes_on(&terms::<Secp256k1>(plan)?, echoes, shown, signatures))
        }
        Scheme::Ed25519 => Ok(judge_echoes_on(&terms::<Ed25519>(plan)?, echoes, shown, signatures)),
        Scheme::EcdsaP256 => Ok(judge_echoes_on(&terms::<P256>(plan)?, echoes, shown, signatures)),
    }
}

fn judge_on<C: Erase>(
    plan: DealPlan,
    charge: Charge<'_>,
    signatures: &impl Signatures,
) -> Result<Vec<NodeId>, Failure> {
    let terms = terms::<C>(plan)?;
    let unproven = |why: Unproven| Failure::caller(why.to_string());
    match charge {
        Charge::Share(accusation) => {
            let verdict = accusation.judge(&terms, signatures).map_err(unproven)?;
            Ok(vec![verdict.guilty()])
        }
        Charge::Run(misdealing) => misdealing.judge(&terms, signatures).map_err(unproven),
    }
}

fn terms<C: Erase>(plan: DealPlan) -> Result<Terms<C>, Failure> {
    let DealPlan { ctx0, scheme, tree, receivers, me: _, source } = plan;
    let (source, _) = on_curve::<C>(scheme, source)?;
    Ok(Terms { ctx0, tree, receivers, source })
}

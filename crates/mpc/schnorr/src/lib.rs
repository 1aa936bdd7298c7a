//! schnorr

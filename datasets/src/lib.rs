//! The catalogue, the readers of real formats, synthetic people and the store.
//!
//! This crate knows what a column means and where it lies. It knows nothing of keys, noise or policy.

pub mod catalogue;
pub mod read;
pub mod store;
pub mod synth;

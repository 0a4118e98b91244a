//! read.

//! Normalization, keyring, keyed tokens, packages and project pseudonyms.

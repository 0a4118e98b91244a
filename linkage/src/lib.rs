//! Which tokens are one person: passes, constraints, evaluation against truth.

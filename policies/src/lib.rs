//! Projects, roles, purposes, budgets and the pure function decide.

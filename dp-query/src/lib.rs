//! SQL to typed plan to price to exact integers to noise to release.

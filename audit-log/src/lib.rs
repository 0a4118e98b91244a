//! RFC 6962 tree, signed notes, checkpoints, tiles, proofs, receipts and crash-safe storage.

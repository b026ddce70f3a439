//! The data plane: snapshots in, `/mcp` out.
//!
//! ```text
//! source ─► Snapshot ─► RoutingTable::build ─► ArcSwap
//! request ─► table, once ─► identify ─► read call ─► route ─► permit ─► upstream ─► response
//! ```

pub mod egress;
pub mod upstream;

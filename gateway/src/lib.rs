//! The data plane: snapshots in, `/mcp` out.
//!
//! ```text
//! source ─► Snapshot ─► RoutingTable::build ─► ArcSwap
//! request ─► table, once ─► identify ─► read call ─► route ─► permit ─► upstream ─► response
//! ```

pub mod demo_server;
pub mod exec_child;
pub mod upstream;

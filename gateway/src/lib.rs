//! The data plane: snapshots in, `/mcp` out.
//!
//! ```text
//! source ─► Snapshot ─► RoutingTable::build ─► View ─► ArcSwap
//! request ─► view, once ─► identify ─► read ─► route ─► permit ─► upstream ─► relay ─► response
//! ```
//!
//! A request reads one view and nothing global; pools, children, sessions and
//! counters live beside it. Only [`permit`] makes a leave to forward.

pub mod admin;
pub mod body;
pub mod bucket;
pub mod budget;
pub mod call;
pub mod caller;
pub mod caller_part;
pub mod canonical;
pub mod capabilities;
pub mod catalogue;
pub mod certificates;
pub mod check;
pub mod client_session;
pub mod clock;
pub mod cluster;
pub mod connections;
pub mod demo_server;
pub mod denial;
pub mod discovery;
pub mod drain;
pub mod egress;
pub mod event;
pub mod exchange;
pub mod exec_child;
pub mod failure;
mod fetch;
pub mod flags;
pub mod forward;
pub mod front;
pub mod gateway;
pub mod guesses;
pub mod head;
pub mod held;
pub mod hop;
pub mod identify;
pub mod inbound_sse;
pub mod index;
pub mod input;
pub mod json;
pub mod keys;
pub mod list;
pub mod listen;
pub mod listening;
pub mod log_level;
pub mod methods;
pub mod metrics;
pub mod modern;
pub mod networks;
pub mod news;
pub mod node;
pub mod own_list;
pub mod own_set;
pub mod owned;
pub mod owner;
pub mod passed_stream;
pub mod peer;
pub mod peers;
pub mod permit;
pub mod ports;
mod private;
pub mod process;
mod protected_resource;
pub mod proxy;
pub mod published;
pub mod reject;
pub mod relay;
pub mod render;
pub mod request_state;
pub mod rest;
pub mod revision;
pub mod revoked;
pub mod route;
pub mod run;
pub mod scan;
pub mod scope;
pub mod seal;
pub mod serve;
pub mod session;
pub mod sidecar;
pub mod source;
pub mod standing;
pub mod status;
pub mod steady;
pub mod table;
pub mod task;
pub mod token;
pub mod under_way;
pub mod upstream;
pub mod upstreams;
pub mod uri_template;
pub mod watch_files;

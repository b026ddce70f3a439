//! The Kubernetes side of Switchboard: watch the objects, compile them with
//! [`crds`](../crds/index.html), write the snapshot for the gateways, report in
//! the objects' status.
//!
//! ```text
//! watch ─► state ─► compile ─► apply ─► ConfigMaps, Secrets      the leader alone writes:
//!                     │ ▲        │                               lease says who that is,
//!                     │ └────────┴── pods: what each has in force api that it still is
//!                     └─► status ─► .status, events
//! ```
//!
//! Nothing here decides who may do what: that is `compile` of `crds`, pure, and
//! the same as on a laptop. No spec of anybody's object is ever changed.

pub mod args;
pub mod error;
pub mod release;
mod rollout;
pub mod run;

mod admin;
mod api;
mod apply;
mod claims;
mod clock;
mod companion;
mod compile;
mod events;
mod hex;
mod keys;
mod lease;
mod metrics;
mod pods;
mod state;
mod status;
mod watch;

//! The Kubernetes side of Switchboard: watch the objects, compile them with
//! [`crds`](../crds/index.html), apply the snapshot, report in their status.
//!
//! Nothing runs here yet; `switchboard run` serves the same manifests without
//! a cluster.

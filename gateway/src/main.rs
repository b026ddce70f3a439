//! `switchboard-gateway`: the gateway of a cluster.

fn main() {}

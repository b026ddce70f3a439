//! `switchboard-operator`: towards Kubernetes.

fn main() {}

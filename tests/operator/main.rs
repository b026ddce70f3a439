//! Against a real apiserver and its etcd: what Kubernetes itself says of the
//! API, and later the operator before it.

mod harness;

//! Bugs that gateways are known for, and that this one must not have.
//!
//! What a test elsewhere holds already stands there:
//!
//! | bug | held by |
//! |---|---|
//! | pages beyond the first lost | `pages`; 500 tools: `twenty_upstreams` |
//! | GET or DELETE refused on another replica | `replicas`; ended sessions: `peers` |
//! | half-alive session after an upstream's 404 | `half_alive`; 400, and no call twice: `sessions` |
//! | one stalled server voids healthy ones | `stalled`; servers that fail: `bad_upstreams`, `dead_server` |
//! | a new server ends sessions | `new_server`; under load: `reload` |
//! | clients' answers to servers refused | `client_answers`; who may answer what: `asking` |
//! | unknown fields stripped | `unknown_fields`; byte for byte: `fidelity` |
//! | children left behind | `children`; the environment and a killed child: `stdio_kill` |
//! | a tool renamed when a second server appears | `renamed` |

mod children;
mod client_answers;
mod half_alive;
mod new_server;
mod pages;
mod renamed;
mod replicas;
mod stalled;
mod unknown_fields;

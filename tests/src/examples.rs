//! What `deploy/examples` has for clients: LiteLLM's documents as its users have them.

use std::fs::read_to_string;

use serde_json::Value;

use crate::toolchain::checkout;

/// A document of `deploy/examples`, with the address of MCP and the key put in and nothing else changed.
pub fn document(path: &str, mcp: &str, key: &str) -> Value {
    let text = read_to_string(checkout().join("deploy/examples").join(path)).unwrap();
    let base = mcp.strip_suffix("/mcp").unwrap();
    let filled = text
        .replace("<your-litellm-proxy-base-url>", base)
        .replace("YOUR_LITELLM_API_KEY", key)
        .replace("$LITELLM_API_KEY", key);
    assert!(filled.contains(base) && filled.contains(key), "{path} has a place for the address and for the key");
    serde_json::from_str(&filled).unwrap()
}

//! The gateway that the clients call: as every test starts it, but with a cache for what npx and uvx download.

use std::path::Path;
use std::time::Duration;

use tests::process::{Options, Switchboard};

use crate::toolchain;

/// Covers the first start of an npx or uvx server, which downloads it.
const READY: Duration = Duration::from_secs(120);

/// Starts the release binary on the directory and waits until each of its servers is ready.
pub(crate) fn start(directory: &Path) -> Switchboard {
    start_with(directory, &[])
}

/// The same with variables added to its environment.
pub(crate) fn start_with(directory: &Path, environment: &[(&str, &str)]) -> Switchboard {
    let cache = toolchain::cache().join("gateway").into_os_string().into_string().unwrap();
    let mut variables = vec![("XDG_CACHE_HOME".to_owned(), cache)];
    variables.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let gateway = Switchboard::start(directory, &Options { environment: variables, ..Options::default() });
    gateway.event("ready", READY, |event| {
        event["servers"].as_array().unwrap().iter().all(|server| server["state"] == "ready")
    });
    gateway
}

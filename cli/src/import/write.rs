//! Manifests on standard output, or in a directory, one file an object.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::Value;

use crate::output;

/// As one stream of documents.
pub(super) fn to_standard_output(objects: &[Value]) -> Result<(), String> {
    for (index, object) in objects.iter().enumerate() {
        if index > 0 {
            output::line("---");
        }
        output::line(yaml(object)?.trim_end());
    }
    Ok(())
}

/// As `KIND-NAME.yaml` each. Without `force` nothing at all is written where one of the files is there.
pub(super) fn to_directory(objects: &[Value], directory: &Path, force: bool) -> Result<(), String> {
    fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let files: Vec<_> = objects.iter().map(|object| (directory.join(file_name(object)), object)).collect();
    if let Some((file, _)) = files.iter().find(|(file, _)| !force && file.symlink_metadata().is_ok()) {
        return Err(format!("{} is there already: nothing was written; --force writes over it", file.display()));
    }
    for (file, object) in files {
        let text = yaml(object)?;
        write(&file, &text, (object["kind"] == "Secret", force)).map_err(|error| {
            let why =
                if error.kind() == ErrorKind::AlreadyExists { "it is there already".into() } else { error.to_string() };
            format!("{}: {why}", file.display())
        })?;
    }
    Ok(())
}

/// A Secret is for its owner's eyes.
fn write(file: &Path, text: &str, (is_secret, force): (bool, bool)) -> std::io::Result<()> {
    if force && file.symlink_metadata().is_ok() {
        fs::remove_file(file)?;
    }
    let mode = if is_secret { 0o600 } else { 0o644 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?.write_all(text.as_bytes())
}

fn file_name(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    match object["metadata"]["name"].as_str() {
        Some(name) => format!("{kind}-{name}.yaml"),
        // The settings document has no name: there is one.
        None => format!("{kind}.yaml"),
    }
}

fn yaml(object: &Value) -> Result<String, String> {
    serde_yaml::to_string(object).map_err(|error| error.to_string())
}

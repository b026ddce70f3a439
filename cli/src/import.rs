//! `switchboard import`: what clients and LiteLLM are configured with, as manifests.
//!
//! ```text
//! a client's JSON ─► clients ─┐
//! config.yaml ─────► litellm ─┴► Draft, a server each ─► Import { objects, report } ─► write
//! ```
//!
//! What is written is accepted as it is, and permits no more than what it was made of: an object that the schema would
//! refuse is left out, and what has no counterpart is narrower here. Either is a line of the report. No line holds a value
//! that may be a secret.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::args::{ImportMcpServersArgs, ImportOutputArgs};

mod check;
mod clients;
mod draft;
pub(crate) mod litellm;
mod names;
mod report;
mod value;
mod write;

use names::Names;
use report::Report;

/// What an import comes to so far.
struct Import {
    namespace: Option<String>,
    objects: Vec<Value>,
    report: Report,
    names: Names,
    /// What a client asks its user for: what each input is, by its id.
    inputs: BTreeMap<String, String>,
}

/// Imports the servers of a client. True if all of it has a counterpart.
pub(crate) fn mcp_servers(args: &ImportMcpServersArgs) -> Result<bool, String> {
    let mut import = Import::new(&args.file, &args.output);
    clients::read(&mut import, &text(&args.file)?).map_err(|error| format!("{}: {error}", args.file.display()))?;
    import.finish(&args.output)
}

fn text(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

impl Import {
    fn new(file: &Path, output: &ImportOutputArgs) -> Self {
        Self {
            namespace: output.namespace.clone(),
            objects: Vec::new(),
            report: Report::of(file),
            names: Names::default(),
            inputs: BTreeMap::new(),
        }
    }

    /// Adds an object of ours with what it refers to, unless the schema would refuse it; true if it is there.
    fn add(&mut self, at: &str, objects: Vec<Value>) -> bool {
        let faults = check::faults(&objects);
        for fault in &faults {
            self.report.say(at, format!("left out, since it would not be accepted: {fault}"));
        }
        if faults.is_empty() {
            self.objects.extend(objects);
        }
        faults.is_empty()
    }

    /// An object of the API.
    fn object(&self, kind: &str, name: &str, spec: Value) -> Value {
        let mut object = json!({ "apiVersion": crds::v1alpha1::API_VERSION, "kind": kind });
        object["metadata"] = self.metadata(name);
        object["spec"] = spec;
        object
    }

    fn metadata(&self, name: &str) -> Value {
        let mut metadata = json!({ "name": name });
        if let Some(namespace) = &self.namespace {
            metadata["namespace"] = json!(namespace);
        }
        metadata
    }

    /// Writes the objects and prints the report. True if there is nothing to report.
    fn finish(mut self, output: &ImportOutputArgs) -> Result<bool, String> {
        for fault in check::all_faults(&self.objects) {
            self.report.say("", format!("what is written is not accepted as it is: {fault}"));
        }
        match &output.output {
            Some(directory) => write::to_directory(&self.objects, directory, output.force)?,
            None => write::to_standard_output(&self.objects)?,
        }
        self.report.print(output.report)?;
        Ok(self.report.is_empty())
    }
}

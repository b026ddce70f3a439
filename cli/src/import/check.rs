//! Whether what is about to be written is accepted, by what `validate` judges with.

use crds::compile::{Pepper, Scope, compile};
use crds::resources::{Finding, ParsedFile, merge};
use serde_json::Value;

/// A name for what stands in no file yet.
const NOWHERE: &str = "import.json";

/// What the schema finds wrong with these objects, each by itself.
pub(super) fn faults(objects: &[Value]) -> Vec<String> {
    let files = match parsed(objects) {
        Ok(files) => files,
        Err(fault) => return vec![fault],
    };
    let merged = merge(&files.iter().collect::<Vec<_>>());
    merged.findings.iter().filter(|finding| finding.is_error()).map(sentence).collect()
}

/// What is wrong with all of them together. Nothing is served here, so that no pepper is needed.
pub(super) fn all_faults(objects: &[Value]) -> Vec<String> {
    let files = match parsed(objects) {
        Ok(files) => files,
        Err(fault) => return vec![fault],
    };
    let merged = merge(&files.iter().collect::<Vec<_>>());
    let compiled = compile(&merged.resources, &Scope::Local, &Pepper([0; 32]));
    merged.all_findings(&compiled.diagnostics).iter().filter(|finding| finding.is_error()).map(sentence).collect()
}

fn parsed(objects: &[Value]) -> Result<Vec<ParsedFile>, String> {
    let parse = |object: &Value| ParsedFile::parse(NOWHERE, object.to_string().as_bytes()).map_err(|it| it.message);
    objects.iter().map(parse).collect()
}

fn sentence(finding: &Finding) -> String {
    format!("{} {}: {}", finding.kind, finding.name, finding.message)
}

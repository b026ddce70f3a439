//! What an import could not say, for the person who goes on with it.

use std::path::Path;

use serde::Serialize;

use crate::args::Output;
use crate::output;

/// What has no counterpart, in the order in which it was found.
pub(super) struct Report {
    file: String,
    lines: Vec<Line>,
}

/// One thing to know or to do.
#[derive(Serialize)]
struct Line {
    file: String,
    /// Where it stands in the file, as in `mcpServers.github.env.TOKEN`; empty for the whole.
    at: String,
    /// What it is, and what to do. No value that may be a secret.
    message: String,
}

impl Report {
    pub(super) fn of(file: &Path) -> Self {
        Self { file: file.display().to_string(), lines: Vec::new() }
    }

    /// What is said from now on is about another file.
    pub(super) fn turn_to(&mut self, file: &Path) {
        self.file = file.display().to_string();
    }

    pub(super) fn say(&mut self, at: &str, message: impl Into<String>) {
        let line = Line { file: self.file.clone(), at: at.to_owned(), message: message.into() };
        self.lines.push(line);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Prints it on standard error: manifests are on standard output.
    pub(super) fn print(&self, form: Output) -> Result<(), String> {
        match form {
            Output::Json => {
                output::note(&serde_json::to_string_pretty(&self.lines).map_err(|error| error.to_string())?);
            }
            Output::Text => {
                for Line { file, at, message } in &self.lines {
                    let at = if at.is_empty() { String::new() } else { format!("{at}: ") };
                    output::note(&format!("{file}: {at}{message}"));
                }
            }
        }
        Ok(())
    }
}

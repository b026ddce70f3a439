//! `import`: files as clients and LiteLLM have them become manifests that `validate` accepts and `run` serves, with a real
//! server behind it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a test has to be seen, in its helpers too")]

mod clients;
mod litellm;
mod serving;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a command came to.
struct Ran {
    code: i32,
    output: String,
    errors: String,
}

fn switchboard(arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_switchboard")).args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), output: text(output.stdout), errors: text(output.stderr) }
}

/// What came of an import.
struct Imported {
    folder: TempDir,
    code: i32,
    /// Where, and what is said of it.
    report: Vec<(String, String)>,
}

impl Imported {
    /// Imports files, named to the command in this order behind `words`, into a directory that `validate` accepts.
    fn of(words: &[&str], files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (sources, manifests) = (folder.path().join("sources"), folder.path().join("manifests"));
        fs::create_dir(&sources).unwrap();
        let mut arguments: Vec<String> = words.iter().map(ToString::to_string).collect();
        for (index, (name, text)) in files.iter().enumerate() {
            fs::write(sources.join(name), text).unwrap();
            if index > 0 {
                arguments.push("--keys".to_owned());
            }
            arguments.push(sources.join(name).display().to_string());
        }
        arguments.extend(["-o", manifests.to_str().unwrap(), "--report", "json"].map(str::to_owned));
        let arguments: Vec<&str> = [&["import"], &*arguments.iter().map(String::as_str).collect::<Vec<_>>()].concat();
        let ran = switchboard(&arguments);
        assert!(ran.code < 2, "{}", ran.errors);
        let report: Vec<Value> = serde_json::from_str(&ran.errors).unwrap();
        let text = |line: &Value, member: &str| line[member].as_str().unwrap().to_owned();
        let report: Vec<_> = report.iter().map(|line| (text(line, "at"), text(line, "message"))).collect();
        assert_eq!(ran.code == 0, report.is_empty(), "{report:?}");
        let validated = switchboard(&["validate", manifests.to_str().unwrap()]);
        assert_eq!(validated.code, 0, "{}{}", validated.output, validated.errors);
        Self { folder, code: ran.code, report }
    }

    fn manifests(&self) -> std::path::PathBuf {
        self.folder.path().join("manifests")
    }

    /// The object of a file, as JSON; null if there is none.
    fn object(&self, file: &str) -> Value {
        let text = fs::read_to_string(self.manifests().join(file));
        text.map_or(Value::Null, |text| serde_yaml::from_str(&text).unwrap())
    }

    /// Whether something is said of this place with these words.
    fn says(&self, at: &str, words: &str) -> bool {
        self.report.iter().any(|(place, message)| place == at && message.contains(words))
    }
}

/// Whether a text stands in any of the files but Secrets.
fn stands_in_objects(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory).unwrap().any(|file| {
        let file = file.unwrap();
        let is_secret = file.file_name().to_str().unwrap().starts_with("secret-");
        !is_secret && fs::read_to_string(file.path()).unwrap().contains(text)
    })
}

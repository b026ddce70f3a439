//! The decoders of other languages, each one process for all cases.
//!
//! A case goes in as a line of base64; out comes a line: `refused`, or for each message (a batch has several, parted by
//! `|`) the id, method, `params.name`, the keys of `params.arguments` and its member `name`, which stands for one that is
//! mirrored in a header, parted by spaces. `-` is nothing or null, `s…` a string in base64 of its UTF-8, `n…` a number as
//! the bits of its double, `k…` keys in order, `?` another type; `*`, of the scanner alone: refused where it is looked at.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gateway::scan::{Incoming, Kind, Message, Span, Text, members, values};

/// What the decoder of another language says to each case.
pub(crate) fn answers(command: &[&str], cases: &[Vec<u8>]) -> io::Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", command[0])))?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("no pipes"));
    };
    let lines = thread::scope(|scope| {
        let writer =
            scope.spawn(move || cases.iter().try_for_each(|case| writeln!(stdin, "{}", STANDARD.encode(case))));
        let lines: io::Result<Vec<String>> = BufReader::new(stdout).lines().collect();
        writer.join().unwrap_or_else(|_| Err(io::Error::other("the writer panicked")))?;
        lines
    })?;
    let status = child.wait()?;
    if !status.success() || lines.len() != cases.len() {
        return Err(io::Error::other(format!(
            "{}: {status}, {} answers to {} cases",
            command[0],
            lines.len(),
            cases.len()
        )));
    }
    Ok(lines)
}

/// What the scanner read, in the same words.
pub(crate) fn reading(body: &[u8], incoming: &Incoming<'_>) -> String {
    match incoming {
        Incoming::One(message) => call(body, message),
        Incoming::Batch(messages) => messages.iter().map(|message| call(body, message)).collect::<Vec<_>>().join("|"),
    }
}

fn call(body: &[u8], message: &Message<'_>) -> String {
    let params = message.params.as_ref();
    let id = message.id.as_ref().map_or_else(|| "-".to_owned(), |id| scalar(id.token));
    let name = text(params.and_then(|params| params.name.as_ref()));
    let arguments = params.and_then(|params| params.arguments);
    format!(
        "{id} {} {name} {} {}",
        text(message.method.as_ref()),
        arguments.map_or("-".to_owned(), |span| keys(body, span)),
        arguments.map_or("-".to_owned(), |span| mirrored(body, span))
    )
}

fn encoded(text: &str) -> String {
    format!("s{}", STANDARD.encode(text))
}

fn text(text: Option<&Text<'_>>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| encoded(&text.value))
}

/// A string or a number.
fn scalar(token: &[u8]) -> String {
    if let Ok(text) = serde_json::from_slice::<String>(token) {
        return encoded(&text);
    }
    let number: f64 = String::from_utf8_lossy(token).parse().unwrap_or(f64::NAN);
    format!("n{:016x}", (number + 0.0).to_bits())
}

/// The argument `name`, as it would be compared with a header.
fn mirrored(body: &[u8], arguments: Span) -> String {
    let path: [Box<str>; 1] = ["name".into()];
    let Ok(found) = values(body, arguments, &[&path]) else { return "*".to_owned() };
    let Some(found) = found[0] else { return "-".to_owned() };
    match found.kind {
        Kind::Null => "-".to_owned(),
        Kind::String => found.text(body).map_or_else(|| "*".to_owned(), |text| encoded(&text)),
        Kind::Number => scalar(found.span.of(body)),
        Kind::Object | Kind::Array | Kind::True | Kind::False => "?".to_owned(),
    }
}

/// Whether another decoder reads what the scanner reads, wherever that does not refuse.
pub(crate) fn agree(theirs: &str, ours: &str) -> bool {
    let fields = |reading: &str| reading.split([' ', '|']).map(str::to_owned).collect::<Vec<_>>();
    let (theirs, ours) = (fields(theirs), fields(ours));
    theirs.len() == ours.len() && theirs.iter().zip(&ours).all(|(theirs, ours)| ours == "*" || theirs == ours)
}

/// The keys of `arguments`. Where one occurs twice, `members` refuses and the map of serde_json says which there are:
/// no rule reads such arguments, so they pass.
fn keys(body: &[u8], span: Span) -> String {
    let mut keys: Vec<String> = match members(body, span) {
        Ok(members) => members.iter().map(|member| encoded(&member.name)).collect(),
        Err(_) => serde_json::from_slice::<BTreeMap<String, &serde_json::value::RawValue>>(span.of(body))
            .map(|map| map.keys().map(|key| encoded(key)).collect())
            .unwrap_or_default(),
    };
    keys.sort_unstable();
    format!("k{}", keys.join(","))
}

//! Words on standard output and error: coloured where a person looks, plain
//! anywhere else.

use std::io::{self, IsTerminal, Write};

/// A line on standard output. An error is the reader's leave: nobody is told.
pub(crate) fn line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// A line on standard error.
pub(crate) fn error(text: &str) {
    let mut stderr = io::stderr();
    let label = paint("error", Colour::Red, stderr.is_terminal());
    let _ = writeln!(stderr, "{label}: {text}");
}

/// A line on standard error that is no error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Colours of a terminal.
#[derive(Clone, Copy)]
pub(crate) enum Colour {
    /// It works.
    Green,
    /// It does not.
    Red,
    /// It may yet.
    Yellow,
}

/// The text in a colour, if standard output is a terminal.
pub(crate) fn on_terminal(text: &str, colour: Colour) -> String {
    paint(text, colour, io::stdout().is_terminal())
}

/// The text in a colour, if `terminal`.
pub(crate) fn paint(text: &str, colour: Colour, terminal: bool) -> String {
    let code = match colour {
        Colour::Green => 32,
        Colour::Red => 31,
        Colour::Yellow => 33,
    };
    if terminal { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

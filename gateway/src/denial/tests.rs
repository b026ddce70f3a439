use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use proptest::prelude::*;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// A log that can be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

fn denial<'d>(name: &'d str, item: &'d str) -> Denial<'d> {
    Denial {
        caller: Some("default/guest"),
        verb: Some("call"),
        name: Some(name),
        server: Some("default/lab"),
        item: Some(item),
        ..Denial::new(Reason::NotGranted, 7)
    }
}

/// What both formats of the log say of it, as `switchboard-gateway` writes them.
fn told(denial: &Denial<'_>) -> [(Option<RequestId>, Log); 2] {
    let (text, json) = (Log::default(), Log::default());
    let as_text = tracing_subscriber::fmt().with_ansi(false).with_writer(text.clone()).finish();
    let as_json = tracing_subscriber::fmt().json().flatten_event(true).with_writer(json.clone()).finish();
    let of_text = tracing::subscriber::with_default(as_text, || Denials::default().note(denial));
    let of_json = tracing::subscriber::with_default(as_json, || Denials::default().note(denial));
    [(of_text, text), (of_json, json)]
}

proptest! {
    #[test]
    fn whatever_is_called_a_line_is_one_line_and_says_it(name in "\\PC{0,40}|.{0,20}|[\\\\\"={} \n\r\t\0]{0,12}") {
        for (id, log) in told(&denial(&name, "add")) {
            let log = log.text();
            prop_assert_eq!(log.lines().count(), 1, "{}", log);
            let line = Line::read(&log).unwrap();
            prop_assert_eq!(&line.request, &id.unwrap().to_string());
            prop_assert_eq!(line.reason, Reason::NotGranted);
            prop_assert_eq!(line.field("name"), Some(&*shortened(&name)));
            prop_assert_eq!(line.field("caller"), Some("default/guest"));
            prop_assert_eq!(line.field("item"), Some("add"));
            prop_assert_eq!(line.field("revision"), Some("7"));
            prop_assert_eq!(line.field("address"), None);
            prop_assert_eq!(line.fields().count(), 6);
        }
    }
}

#[test]
fn a_name_that_says_what_a_line_says_makes_no_field() {
    let name = r#"x" server="default/other" reason="lost"#;
    for (_, log) in told(&denial(name, "add")) {
        let line = Line::read(&log.text()).unwrap();
        assert_eq!((line.field("name"), line.field("server")), (Some(name), Some("default/lab")));
        assert_eq!(line.reason, Reason::NotGranted);
    }
}

#[test]
fn a_query_stays_out_of_the_log_and_so_does_the_rest_of_a_long_name() {
    let endless = "é".repeat(200);
    let (name, item) = (format!("https://host/a?token=marked-{endless}"), format!("file:///{endless}"));
    for (_, log) in told(&denial(&name, &item)) {
        let log = log.text();
        assert!(!log.contains("marked"), "{log}");
        assert!(log.len() < 1200, "{log}");
        assert_eq!(Line::read(&log).unwrap().field("name"), Some("https://host/a…"));
    }
    assert_eq!(shortened("what?"), "what?");
    assert_eq!(shortened("switchboard:db:postgres://app:s3?cret@db/t?u"), "switchboard:db:postgres://…@db/t…");
    assert_eq!(shortened("test://one/@two"), "test://one/@two");
}

#[test]
fn other_lines_are_no_denials() {
    for line in ["", "{}", "2026-01-01T00:00:00Z  INFO gateway::denial: other", r#"{"target":"gateway::denial"}"#] {
        assert_eq!(Line::read(line), None, "{line}");
    }
}

#[test]
fn words_are_each_reasons_own() {
    for reason in Reason::ALL {
        assert_eq!(Reason::from_word(reason.as_str()), Some(reason));
    }
}

#[test]
fn beyond_its_bound_a_denial_has_no_id_and_later_ones_have() {
    let (denials, now) = (Denials::default(), Instant::now());
    assert!((0..BURST).all(|_| denials.may_tell(now)));
    assert!(!denials.may_tell(now));
    assert!(denials.may_tell(now + REFILL));
    assert!(!denials.may_tell(now + REFILL));
    assert!((0..BURST).all(|_| denials.may_tell(now + REFILL * (2 * BURST))));
}

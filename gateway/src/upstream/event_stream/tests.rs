use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

use super::*;

fn decode(chunks: &[&[u8]]) -> Vec<(String, String)> {
    let mut decoder = Decoder::new(1024);
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(event) = decoder.next().unwrap() {
            let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
            events.push((text(&event.name), text(&event.data)));
        }
    }
    events
}

fn check(stream: &str, expected: &[(&str, &str)]) {
    let expected: Vec<(String, String)> =
        expected.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect();
    assert_eq!(decode(&[stream.as_bytes()]), expected, "whole: {stream:?}");
    let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
    assert_eq!(decode(&bytes), expected, "byte by byte: {stream:?}");
}

#[test]
fn an_event_is_its_type_and_its_data() {
    check("event: message\ndata: {}\n\n", &[("message", "{}")]);
    check("data:{}\n\n", &[("", "{}")]);
    check("data:  two\n\n", &[("", " two")]);
    check("data\n\n", &[("", "")]);
}

#[test]
fn lines_of_data_are_joined() {
    check("data: {\ndata: }\n\n", &[("", "{\n}")]);
    check("data: a\ndata:\ndata: b\n\n", &[("", "a\n\nb")]);
}

#[test]
fn lines_end_in_lf_cr_or_crlf() {
    check("data: a\r\ndata: b\r\n\r\n", &[("", "a\nb")]);
    check("data: a\rdata: b\r\r", &[("", "a\nb")]);
    check("data: a\n\r\n\rdata: b\r\n\n", &[("", "a"), ("", "b")]);
}

#[test]
fn comments_unknown_fields_and_a_byte_order_mark_are_skipped() {
    check("\u{feff}data: a\n\n", &[("", "a")]);
    check(": ping\n\n: ping\n\nid: 7\nretry: 10\ndata: a\nfoo: bar\n\n", &[("", "a")]);
    check("event: x\n\ndata: a\n\n", &[("", "a")]);
}

#[test]
fn the_last_id_is_that_of_the_last_event_that_ended() {
    let after = |stream: &str| {
        let mut decoder = Decoder::new(1024);
        decoder.push(stream.as_bytes());
        while decoder.next().unwrap().is_some() {}
        let id = decoder.last_id().map(|id| String::from_utf8(id.to_vec()).unwrap());
        (id, decoder.retry().map(|retry| retry.as_millis()))
    };
    let id = |id: &str| Some(id.to_owned());
    assert_eq!(after("data: a\n\n"), (None, None));
    assert_eq!(after("id: 1\ndata:\n\n"), (id("1"), None));
    assert_eq!(after("id: 1\nretry: 500\n\n"), (id("1"), Some(500)));
    assert_eq!(after("id: 1\ndata: a\n\ndata: b\n\nid: 3\ndata: c\n"), (id("1"), None));
    assert_eq!(after("id: 1\n\nid\ndata: a\n\n"), (None, None), "an empty one takes it back");
    assert_eq!(after("id: 1\n\nid: a\0b\n\n"), (id("1"), None));
    assert_eq!(after("retry: 7\nretry: soon\nretry:\n\n"), (None, Some(7)));
    assert_eq!(after(&format!("id: 1\n\nid: {}\n\n", "x".repeat(LONGEST_ID + 1))), (None, None));
}

#[test]
fn an_event_that_is_not_finished_is_none() {
    check("data: a\n\ndata: b\n", &[("", "a")]);
    check("data: a", &[]);
}

#[test]
fn an_endless_event_fails_and_endless_comments_do_not_grow() {
    let mut decoder = Decoder::new(100);
    decoder.push(&[b'x'; 101]);
    assert_eq!(decoder.next(), Err(TooLarge), "a line without an end");

    let mut decoder = Decoder::new(100);
    let grown = (1..30).find(|_| {
        decoder.push(b"data: 12345\n");
        decoder.next().is_err()
    });
    assert_eq!(grown, Some(17), "lines of one event: 17 times 5 bytes and 16 joints are 101");

    let mut decoder = Decoder::new(100);
    for _ in 0..1000 {
        decoder.push(b": 12345\n");
        assert_eq!(decoder.next(), Ok(None));
    }
    assert_eq!(decoder.buffer.len(), 0);
}

proptest! {
    #[test]
    fn events_do_not_depend_on_how_the_stream_is_cut(
        stream in "(data: |event: |:|[ab\r\n]|\r\n|\n\n){0,40}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let bytes = stream.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(decode(&chunks), decode(&[bytes]));
    }

    #[test]
    fn what_is_encoded_is_decoded(data in prop::collection::vec("[a-z:]{0,20}", 1..5).prop_map(|lines| lines.join("\n"))) {
        let encoded = format!("data: {}\r\n\r\n", data.replace('\n', "\r\ndata: "));
        let events = decode(&[encoded.as_bytes()]);
        prop_assert!(events == [(String::new(), data)]);
    }
}

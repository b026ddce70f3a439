//! Edits of a scanned text: what is not edited stays byte for byte. Members are put in and taken out with the commas
//! that go with them.

use std::borrow::Cow;

use super::fault::Fault;
use super::levels::{Object, Span};
use super::members::{Member, members};

/// Bytes to stand in the place of a span; an empty span makes an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit<'a> {
    pub span: Span,
    pub with: Cow<'a, [u8]>,
}

impl<'a> Edit<'a> {
    pub fn replace(span: Span, with: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { span, with: with.into() }
    }

    /// Puts bytes before the one at `at`.
    pub fn insert(at: usize, with: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { span: Span { start: at, end: at }, with: with.into() }
    }

    /// Puts `member` (`"key":value`, one or several) before all others of `object`.
    pub fn insert_first(object: Object, member: &[u8]) -> Self {
        let at = object.span.start + 1;
        let comma: &[u8] = if object.empty { b"" } else { b"," };
        Self { span: Span { start: at, end: at }, with: Cow::Owned([member, comma].concat()) }
    }

    /// Puts `member` (`"key":value`, one or several) behind all others of `object`.
    pub fn insert_last(object: Object, member: &[u8]) -> Self {
        let at = object.span.end - 1;
        let comma: &[u8] = if object.empty { b"" } else { b"," };
        Self { span: Span { start: at, end: at }, with: Cow::Owned([comma, member].concat()) }
    }
}

/// Appends `source` with `edits` made to `out`. The edits are sorted, do not overlap and lie within `source`: anything
/// else is a mistake of the caller and panics as indexing does.
pub fn splice(source: &[u8], edits: &[Edit<'_>], out: &mut Vec<u8>) {
    let grown: usize = edits.iter().map(|edit| edit.with.len()).sum();
    out.reserve(source.len() + grown);
    let mut copied = 0;
    for edit in edits {
        out.extend_from_slice(&source[copied..edit.span.start]);
        out.extend_from_slice(&edit.with);
        copied = edit.span.end;
    }
    out.extend_from_slice(&source[copied..]);
}

/// The same of a part of `source` alone, in which the edits lie; their places count from the start of `source`.
pub fn splice_part(source: &[u8], part: Span, mut edits: Vec<Edit<'_>>, out: &mut Vec<u8>) {
    for edit in &mut edits {
        edit.span.start -= part.start;
        edit.span.end -= part.start;
    }
    splice(part.of(source), &edits, out);
}

/// The edits that take the members named in `keys` out of the object at `object` and, if `last` is not empty, put it
/// (`"key":value`, one or several) behind those that stay. Err as [`members`] gives it.
pub fn change_members<'a>(source: &[u8], object: Span, keys: &[&str], last: &'a [u8]) -> Result<Vec<Edit<'a>>, Fault> {
    let all = members(source, object)?;
    let goes = |member: &Member<'_>| keys.contains(&&*member.name);
    let mut edits = Vec::new();
    let mut stays = false;
    for (index, member) in all.iter().enumerate() {
        if !goes(member) {
            stays = true;
            continue;
        }
        // With a member before it that stays, one goes with the comma before it, else with the one behind it.
        let span = match (stays, index.checked_sub(1).and_then(|before| all.get(before)), all.get(index + 1)) {
            (true, Some(before), _) => Span { start: before.value.end, end: member.value.end },
            (_, _, Some(next)) => Span { start: member.key.start, end: next.key.start },
            (_, _, None) => Span { start: member.key.start, end: member.value.end },
        };
        edits.push(Edit::replace(span, &b""[..]));
    }
    if !last.is_empty() {
        edits.push(Edit::insert_last(Object { span: object, empty: !stays }, last));
    }
    Ok(edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(source: &str, keys: &[&str], last: &str) -> String {
        let span = Span { start: 0, end: source.len() };
        let mut out = Vec::new();
        splice(source.as_bytes(), &change_members(source.as_bytes(), span, keys, last.as_bytes()).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn takes_members_out_with_their_commas() {
        assert_eq!(changed(r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#, &["a"], ""), r#"{ "b" : 2 , "c" : 3 }"#);
        assert_eq!(changed(r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#, &["b"], ""), r#"{ "a" : 1 , "c" : 3 }"#);
        assert_eq!(changed(r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#, &["c"], ""), r#"{ "a" : 1 , "b" : 2 }"#);
        assert_eq!(changed(r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#, &["x"], ""), r#"{ "a" : 1 , "b" : 2 , "c" : 3 }"#);
        assert_eq!(changed(r#"{"a":[1,{}],"b":"}"}"#, &["a", "b"], ""), "{}");
        assert_eq!(changed(r#"{"\u0061":1e400,"b":2}"#, &["a"], ""), r#"{"b":2}"#);
    }

    #[test]
    fn every_choice_of_members_leaves_the_others_in_order() {
        let names = ["a", "b", "c", "d", "e"];
        let source = r#"{"a":0 ,"b":{"a":1},  "c" :2,"d":[3] , "e":4}"#;
        let values: serde_json::Value = serde_json::from_str(source).unwrap();
        for choice in 0_usize..32 {
            let gone = |index: usize| choice >> index & 1 == 1;
            let keys: Vec<&str> = (0..5).filter(|index| gone(*index)).map(|index| names[index]).collect();
            let mut left: serde_json::Value = values.clone();
            left.as_object_mut().unwrap().retain(|key, _| !keys.contains(&key.as_str()));
            let text = changed(source, &keys, "");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), left, "{text}");
            left["z"] = 9.into();
            let text = changed(source, &keys, r#""z":9"#);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), left, "{text}");
        }
    }

    #[test]
    fn puts_members_in_at_either_end() {
        let insert = |source: &str, empty| {
            let object = Object { span: Span { start: 0, end: source.len() }, empty };
            let (mut first, mut last) = (Vec::new(), Vec::new());
            splice(source.as_bytes(), &[Edit::insert_first(object, b"\"x\":1")], &mut first);
            splice(source.as_bytes(), &[Edit::insert_last(object, b"\"x\":1")], &mut last);
            (String::from_utf8(first).unwrap(), String::from_utf8(last).unwrap())
        };
        assert_eq!(insert("{ }", true), ("{\"x\":1 }".into(), "{ \"x\":1}".into()));
        assert_eq!(insert("{\"a\":0}", false), ("{\"x\":1,\"a\":0}".into(), "{\"a\":0,\"x\":1}".into()));
    }
}

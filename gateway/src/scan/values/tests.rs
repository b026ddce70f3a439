use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// What stands at each path (`a/b`) below the object that `source` is.
fn at(source: &str, paths: &[&str]) -> Result<Vec<Option<String>>, Fault> {
    let split: Vec<Vec<Box<str>>> = paths.iter().map(|path| path.split('/').map(Into::into).collect()).collect();
    let paths: Vec<&[Box<str>]> = split.iter().map(|path| &**path).collect();
    let found = values(source.as_bytes(), Span { start: 0, end: source.len() }, &paths)?;
    let text = |found: Found| String::from_utf8_lossy(found.span.of(source.as_bytes())).into_owned();
    Ok(found.into_iter().map(|found| found.map(text)).collect())
}

#[test]
fn r2_reads_what_stands_at_the_paths() {
    let source = r#"{"x":[{"a":1}], "a" : {"b":{"c":"d\u0065"},"\u00e9":1.50},"n":null,"o":{"b":1}}"#;
    let found = at(source, &["a/b/c", "a/é", "n", "a/b", "x/a", "n/a", "nope", "a/nope/c"]).unwrap();
    let some = |text: &str| Some(text.to_owned());
    let expected =
        [some(r#""d\u0065""#), some("1.50"), some("null"), some(r#"{"c":"d\u0065"}"#), None, None, None, None];
    assert_eq!(found, expected);
    assert_eq!(at("{}", &["a"]), Ok(vec![None]));
    assert_eq!(at(source, &[]), Ok(vec![]));
}

#[test]
fn r2_keys_on_the_way_are_read_in_one_way_only() {
    let paths = ["Region", "deep/größe"];
    for refused in [
        r#"{"Region":1,"Region":2}"#,
        r#"{"Region":1,"R\u0065gion":2}"#,
        r#"{"x":1,"x":2}"#,
        r#"{"region":1}"#,
        r#"{"Region":1,"REGION":1}"#,
        r#"{"Region\u0000":1}"#,
        r#"{"\u0000region\u0000x":1}"#,
        r#"{"DEEP":{}}"#,
        r#"{"deep":{"größe":1,"größe":2}}"#,
        r#"{"deep":{"GRÖßE":1}}"#,
        r#"{"deep":{"gr\u00d6\u1e9ee":1}}"#,
    ] {
        let fault = at(refused, &paths).expect_err(refused);
        assert_eq!((fault.code(), fault.member), (-32600, Some("params.arguments")), "{refused}");
    }
    // Elsewhere than on the way nobody looks, and names that two paths have are both known.
    for taken in
        [r#"{"other":{"a":1,"a":2},"Regions":1}"#, r#"{"deep":[{"a":1,"a":2}]}"#, r#"{"deep":{"x":{"y":1,"y":1}}}"#]
    {
        assert!(at(taken, &paths).is_ok(), "{taken}");
    }
    assert!(at(r#"{"Region":1,"region":2}"#, &["Region", "region"]).is_ok());
    assert!(at(r#"{"Größe":1,"größe":2}"#, &["größe"]).is_err());
}

/// Objects of few names within each other, each name once in an object.
fn object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        "[a\\\\\"\u{e9}\n]{0,3}".prop_map(Value::from),
        Just(Value::Null)
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c\u{e9}\"]", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    });
    prop::collection::btree_map("[a-c\u{e9}\"]", value, 0..4).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn r2_reads_what_a_decoder_reads(object in object(), path in prop::collection::vec("[a-c\u{e9}\"]", 1..5)) {
        let source = object.to_string();
        let found = at(&source, &[&path.join("/")]).unwrap().remove(0);
        let expected = path.iter().try_fold(&object, |value, name| value.as_object()?.get(name));
        prop_assert_eq!(found.map(|text| serde_json::from_str::<Value>(&text).unwrap()), expected.cloned());
    }
}

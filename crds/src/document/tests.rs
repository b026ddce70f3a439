use proptest::prelude::*;
use serde_json::json;

use super::*;

fn values(text: &str) -> Vec<Value> {
    read("a.yaml", text.as_bytes()).unwrap().into_iter().map(|document| document.value).collect()
}

fn refusal(path: &str, text: impl AsRef<[u8]>) -> (u32, u32, String) {
    let unreadable = read(path, text.as_ref()).unwrap_err();
    (unreadable.line, unreadable.column, unreadable.message)
}

#[test]
fn words_are_what_kubectl_takes_them_for() {
    let cases = [
        ("yes", json!(true)),
        ("Y", json!(true)),
        ("n", json!(false)),
        ("off", json!(false)),
        ("On", json!(true)),
        ("tRue", json!("tRue")),
        ("010", json!(8)),
        ("-010", json!(-8)),
        ("08", json!(8)),
        ("0o17", json!(15)),
        ("0x1F", json!(31)),
        ("-0X1f", json!(-31)),
        ("0b11", json!(3)),
        ("0x-1", json!("0x-1")),
        ("0x", json!("0x")),
        ("1_000", json!(1000)),
        ("_1", json!("_1")),
        ("1e3", json!(1000)),
        ("1E-2", json!(0.01)),
        ("9e86", json!(9e86)),
        ("1e400", json!("1e400")),
        ("1.", json!(1)),
        (".5", json!(0.5)),
        ("+.5", json!(0.5)),
        ("..5", json!("..5")),
        ("+5", json!(5)),
        ("+", json!("+")),
        ("5.0", json!(5)),
        ("1:30", json!("1:30")),
        ("1,000", json!("1,000")),
        ("2027-01-31", json!("2027-01-31")),
        ("-9223372036854775808", json!(i64::MIN)),
        ("18446744073709551615", json!(u64::MAX)),
        ("~", json!(null)),
        ("NULL", json!(null)),
        ("nUll", json!("nUll")),
        ("\"yes\"", json!("yes")),
        ("'010'", json!("010")),
        ("!!str yes", json!("yes")),
        ("|-\n  yes", json!("yes")),
    ];
    for (word, value) in cases {
        assert_eq!(values(&format!("k: {word}\n")), [json!({ "k": value })], "{word}");
    }
}

#[test]
fn a_stream_holds_documents_and_empty_ones_are_nothing() {
    assert_eq!(values("---\n"), [] as [Value; 0]);
    assert_eq!(values(""), [] as [Value; 0]);
    assert_eq!(values("# only a comment\n"), [] as [Value; 0]);
    assert_eq!(values("a: 1\n---\n---\n# nothing\n---\nb: 2\n...\n"), [json!({ "a": 1 }), json!({ "b": 2 })]);
    assert_eq!(values("\u{feff}a: 1\r\nb: [x,\r\n  z]\r\n"), [json!({ "a": 1, "b": ["x", "z"] })]);
}

#[test]
fn lines_lead_to_the_nearest_part_that_is_there() {
    let text = "# one\nspec:\n  servers:\n  - name: a\n    tools: [x,\n      y]\n  - name: b\n  labels:\n    a.b/c: 1\n    a: {b: 2}\n";
    let lines = &read("a.yaml", text.as_bytes()).unwrap()[0].lines;
    let cases = [
        ("", 2),
        ("spec", 2),
        ("spec.servers[0]", 4),
        ("spec.servers[0].tools[1]", 6),
        ("spec.servers[1].name", 7),
        ("spec.servers[1].namespace", 7),
        ("spec.servers[7].name", 3),
        ("spec.labels.a.b/c", 9),
        ("spec.labels.a.b", 10),
        ("metadata.name", 2),
    ];
    for (path, line) in cases {
        assert_eq!(lines.locate(path), line, "{path}");
    }
}

#[test]
fn json_has_lines_too() {
    let text = "{\n\t\"spec\": {\n\t\t\"a\": [1.0,\n\t\t\"\\ud83d\\ude00/\\/\"],\n\t\t\"b\": {}\n\t}\n}\n";
    let document = &read("a.JSON", text.as_bytes()).unwrap()[0];
    assert_eq!(document.value, json!({ "spec": { "a": [1, "\u{1f600}//"], "b": {} } }));
    assert_eq!([document.lines.locate("spec.a[1]"), document.lines.locate("spec.b.c")], [4, 5]);
}

#[test]
fn aliases_and_merges_are_written_out() {
    let text =
        "base: &base {a: 1, b: 2}\nlist: [*base]\nmore:\n  <<: *base\n  b: 3\nmany:\n  <<: [{c: 1}, {c: 2, d: 3}]\n";
    let wanted = json!({ "base": { "a": 1, "b": 2 }, "list": [{ "a": 1, "b": 2 }], "more": { "a": 1, "b": 3 }, "many": { "c": 1, "d": 3 } });
    assert_eq!(values(text), [wanted]);
}

#[test]
fn says_where_a_text_is_no_yaml() {
    let cases: [(&str, u32, &str); 12] = [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "not YAML"),
        ("a:\n\tb: 1\n", 2, "indent with spaces"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key \"a\" stands twice in this mapping, first in line 1"),
        ("a: 1\nyes: 2\n", 2, "a key must be a text: put it in quotes"),
        ("a: 1\n~: 2\n", 2, "a key must be a text"),
        ("a: 1\n? [b]\n: 2\n", 2, "a list or mapping is no key"),
        ("a: &a x\n*a : 2\n", 2, "an alias is no key"),
        ("a: &a [*a]\n", 1, "the alias is inside of what it stands for"),
        ("a: *b\n", 1, "not YAML"),
        ("a: !secret x\n", 1, "a tag that a manifest does not have"),
        ("a: .inf\n", 1, "infinite or not a number"),
        ("a: 1\n<<: 3\n", 2, "`<<` merges mappings only"),
    ];
    for (text, line, message) in cases {
        let found = refusal("a.yaml", text);
        assert!(found.0 == line && found.2.contains(message), "{text:?}: {found:?}");
    }
    assert_eq!(refusal("a.yaml", b"a: 1\nb: \xff\n").0, 2);
    let (line, _, message) = refusal("a.json", "{\"a\": 1,\n \"a\": 2}");
    assert_eq!((line, message.contains("stands twice")), (2, true), "{message}");
    let (line, column, message) = refusal("a.json", "{\"a\":\n  nope}");
    assert_eq!((line, column, message.as_str()), (2, 4, "not JSON: expected ident"));
}

#[test]
fn what_is_too_large_is_refused_at_once() {
    let level = |n: u32| format!("l{n}: &l{n} [{}]", vec![format!("*l{}", n - 1); 10].join(", "));
    let bomb = (1..12).map(level).collect::<Vec<_>>().join("\n");
    assert!(
        refusal("a.yaml", format!("l0: &l0 {}\n{bomb}", "x".repeat(1000)))
            .2
            .contains("aliases make this file too large")
    );
    for opening in ["[", "- ", "{a: "] {
        let (_, _, message) = refusal("a.yaml", opening.repeat(100_000));
        // The parser itself may stop first, since it looks ahead.
        let stopped = ["nested deeper than 64", "recursion limit exceeded"].iter().any(|stop| message.contains(stop));
        assert!(stopped, "{opening}: {message}");
    }
    let deep = "[".repeat(100) + &"]".repeat(100);
    assert!(refusal("a.json", deep).2.contains("nested deeper than 64"));
    assert!(refusal("a.json", "[".repeat(100_000)).2.contains("not JSON"));
    assert!(refusal("a.yaml", vec![b' '; MAX_BYTES + 1]).2.contains("larger than 8 MiB"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read("a.yaml", &bytes);
        let _ = read("a.json", &bytes);
    }

    #[test]
    fn any_punctuation_is_read_or_refused(text in "[-:,?&*!|>'\"%@`{}\\[\\]#~.<a1 \t\r\n]{0,120}") {
        let _ = read("a.yaml", text.as_bytes());
        let _ = read("a.json", text.as_bytes());
    }

    /// JSON is YAML: the two readers agree, values and lines.
    #[test]
    fn json_reads_the_same_as_yaml(names in proptest::collection::btree_map("[a-z]{1,8}", "[ -~]{0,12}", 0..6), number in any::<i64>()) {
        let text = serde_json::to_string_pretty(&json!({ "fields": names, "list": [number, true, null] })).unwrap();
        let json = read("a.json", text.as_bytes()).unwrap();
        let yaml = read("a.yaml", text.as_bytes()).unwrap();
        prop_assert_eq!(&json[0].value, &yaml[0].value);
        for name in names.keys() {
            let path = format!("fields.{name}");
            prop_assert_eq!(json[0].lines.locate(&path), yaml[0].lines.locate(&path));
        }
    }
}

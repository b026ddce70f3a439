use proptest::prelude::*;

use super::*;

/// What a tool with this inputSchema wants mirrored: headers and paths.
fn of_schema(schema: &str) -> Result<Vec<(String, String)>, &'static str> {
    let tool = format!(r#"{{"name":"t","description":"é \u00e9","inputSchema":{schema}}}"#);
    let annotations = read(&tool).map_err(|Invalid(words)| words)?;
    Ok(annotations.iter().map(|one| (one.shown.to_string(), one.path.join("/"))).collect())
}

fn of_properties(properties: &str) -> Result<Vec<(String, String)>, &'static str> {
    of_schema(&format!(r#"{{"type":"object","properties":{{{properties}}}}}"#))
}

/// An annotated string.
const STRING: &str = r#"{"type":"string","x-mcp-header":"Region"}"#;

#[test]
fn r6_valid_annotations() {
    let cases: [(&str, &[(&str, &str)]); 13] = [
        (r#""a":{"type":"string"}"#, &[]),
        (r#""a":{"type":"string","x-mcp-header":"Region"}"#, &[("Region", "a")]),
        (
            r#""a":{"x-mcp-header":"N","type":"integer"},"b":{"type":"boolean","x-mcp-header":"B"}"#,
            &[("N", "a"), ("B", "b")],
        ),
        (
            r#""a":{"type":"object","properties":{"b":{"properties":{"é":{"type":"string","x-mcp-header":"Deep"}}}}}"#,
            &[("Deep", "a/b/é")],
        ),
        (r#""a":{"type":"string","x\u002dmcp-header":"R\u0065gion"}"#, &[("Region", "a")]),
        (r#""a":{"type":"string","x-mcp-header":"!#$%&'*+-.^_`|~09Az"}"#, &[("!#$%&'*+-.^_`|~09Az", "a")]),
        // A property of that name is none, nor is one in data or below somebody else's keyword.
        (r#""x-mcp-header":{"type":"string"}"#, &[]),
        (r#""properties":{"type":"string","x-mcp-header":"P"}"#, &[("P", "properties")]),
        (
            r#""a":{"type":"string","default":{"x-mcp-header":"D"},"enum":[{"x-mcp-header":"E"}],"const":{"x-mcp-header":1}}"#,
            &[],
        ),
        (r#""a":{"x-vendor":{"x-mcp-header":"V"},"description":"x-mcp-header"}"#, &[]),
        (r#""a":true,"b":{"maximum":1e400,"type":["string","null"]}"#, &[]),
        // Ambiguous, but nothing of it is mirrored.
        (r#""a":{"type":"string"},"a":{"type":"integer","description":"\u0078"}"#, &[]),
        (
            r#""a":{"type":"string","x-mcp-header":"A","properties":{"b":{"type":"string","x-mcp-header":"B"}}}"#,
            &[("B", "a/b"), ("A", "a")],
        ),
    ];
    for (properties, expected) in cases {
        let expected = expected.iter().map(|(name, path)| (format!("Mcp-Param-{name}"), (*path).to_owned())).collect();
        assert_eq!(of_properties(properties), Ok(expected), "{properties}");
    }
    assert_eq!(read(r#"{"name":"x-mcp-header"}"#).map(|none| none.len()), Ok(0));
    assert_eq!(read(r#"{"name":"x-mcp-header","inputSchema":null}"#).map(|none| none.len()), Ok(0));
    let header = read(&format!(r#"{{"inputSchema":{{"properties":{{"a":{STRING}}}}}}}"#)).unwrap()[0].header.clone();
    assert_eq!(header, "mcp-param-region", "it is found whatever its case");
}

#[test]
fn r6_invalid_annotations() {
    let (deep, many): (String, Vec<String>) = (
        (0..8).fold(STRING.to_owned(), |inner, _| format!(r#"{{"properties":{{"p":{inner}}}}}"#)),
        (0..33).map(|at| format!(r#""a{at}":{{"type":"string","x-mcp-header":"H{at}"}}"#)).collect(),
    );
    let cases = [
        (r#""a":{"type":"number","x-mcp-header":"N"}"#.to_owned(), "neither string, integer nor boolean"),
        (r#""a":{"type":"array","x-mcp-header":"N"}"#.to_owned(), "neither string, integer nor boolean"),
        (r#""a":{"type":["string","null"],"x-mcp-header":"N"}"#.to_owned(), "neither string, integer nor boolean"),
        (r#""a":{"x-mcp-header":"N"}"#.to_owned(), "neither string, integer nor boolean"),
        (r#""a":{"type":"string","x-mcp-header":""}"#.to_owned(), "no token"),
        (r#""a":{"type":"string","x-mcp-header":"a b"}"#.to_owned(), "no token"),
        (r#""a":{"type":"string","x-mcp-header":"a:b"}"#.to_owned(), "no token"),
        (r#""a":{"type":"string","x-mcp-header":"a\r\nb"}"#.to_owned(), "no token"),
        (r#""a":{"type":"string","x-mcp-header":"é"}"#.to_owned(), "no token"),
        (r#""a":{"type":"string","x-mcp-header":5}"#.to_owned(), "no string"),
        (r#""a":{"type":"string","x-mcp-header":null}"#.to_owned(), "no string"),
        (format!(r#""a":{STRING},"b":{{"type":"string","x-mcp-header":"REGION"}}"#), "the same but for case"),
        (format!(r#""a":{STRING},"a":{STRING}"#), "the same but for case"),
        (r#""a":{"type":"string","x-mcp-header":"A"},"a":{"type":"string"}"#.to_owned(), "occurs twice"),
        (r#""a":{"type":"string","x-mcp-header":"A","x-mcp-header":"B"}"#.to_owned(), "occurs twice"),
        (format!(r#""a":{{"type":"array","items":{STRING}}}"#), "not only properties"),
        (format!(r#""a":{{"items":{{"properties":{{"b":{STRING}}}}}}}"#), "not only properties"),
        (format!(r#""a":{{"type":"array","items":[{STRING}]}}"#), "not only properties"),
        (format!(r#""p":{deep}"#), "more than 8 properties deep"),
        (many.join(","), "more than 32"),
        (format!(r#""a":{{"type":"string","x-mcp-header":"{}"}}"#, "h".repeat(129)), "longer than 128 bytes"),
        (format!(r#""a":{}{STRING}{}"#, r#"{"properties":{"p":"#.repeat(200), "}}".repeat(200)), "nested too deep"),
    ];
    for (properties, words) in cases {
        let said = of_properties(&properties).expect_err(&properties);
        assert!(said.contains(words), "{properties}: {said}");
    }
    for keyword in [
        "items",
        "additionalItems",
        "contains",
        "additionalProperties",
        "unevaluatedProperties",
        "unevaluatedItems",
        "propertyNames",
        "not",
        "if",
        "then",
        "else",
        "contentSchema",
    ] {
        assert!(of_schema(&format!(r#"{{"{keyword}":{STRING}}}"#)).is_err(), "{keyword}");
        assert!(of_schema(&format!(r#"{{"{keyword}":{{"properties":{{"a":{STRING}}}}}}}"#)).is_err(), "{keyword}");
    }
    for keyword in ["allOf", "anyOf", "oneOf", "prefixItems"] {
        assert!(of_schema(&format!(r#"{{"{keyword}":[true,{STRING}]}}"#)).is_err(), "{keyword}");
    }
    for keyword in ["patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"] {
        assert!(of_schema(&format!(r#"{{"{keyword}":{{"a":{STRING}}}}}"#)).is_err(), "{keyword}");
    }
    assert!(of_schema(STRING).is_err(), "the root is no property");
    let twice = format!(r#"{{"inputSchema":{{}},"inputSchema":{{"properties":{{"a":{STRING}}}}}}}"#);
    assert!(read(&twice).is_err(), "two schemas");
}

/// Any schema-like JSON, annotations in it or not.
fn json() -> impl Strategy<Value = String> {
    const KEYS: [&str; 9] =
        ["properties", "items", "x-mcp-header", "type", "allOf", "$defs", "a", "\\ud800", "default"];
    let leaf = prop_oneof![
        Just(STRING.to_owned()),
        Just("1e400".to_owned()),
        Just(r#""Region""#.to_owned()),
        Just("true".to_owned()),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(12, 40, 4, |inner| {
        let member = (prop::sample::select(&KEYS[..]), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec(member, 0..4).prop_map(|all| {
                let all: Vec<_> = all.iter().map(|(key, value)| format!(r#""{key}":{value}"#)).collect();
                format!("{{{}}}", all.join(","))
            }),
        ]
    })
}

proptest! {
    /// Whatever a server sends: what is found is a header that can be sent, at a path that can be read.
    #[test]
    fn r6_any_schema_is_read_or_refused(schema in json()) {
        if let Ok(annotations) = read(&format!(r#"{{"inputSchema":{schema}}}"#)) {
            prop_assert!(annotations.len() <= MAX_ANNOTATIONS);
            let mut names = HashSet::new();
            for one in &annotations {
                prop_assert!((1..=MAX_STEPS).contains(&one.path.len()));
                prop_assert!(one.shown.eq_ignore_ascii_case(one.header.as_str()) && names.insert(&one.header));
            }
        }
    }
}

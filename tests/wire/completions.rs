//! `completion/complete` of arguments of prompts and of templates: to whom it goes, and who may ask.

use http::StatusCode;
use serde_json::json;
use tests::client::{Answer, Client};
use tests::upstream::{Does, Entry, Form, Script};

use super::several::{Several, text};

/// The rest of the params, which a decoder would spoil.
const REST: &str =
    r#""argument":{"name":"who","value":"\u00e9"},"context":{"arguments":{"huge":1e400 ,"dup":1,"dup":2}}"#;

fn completing(server: &str) -> Script {
    let script = Script::default()
        .prompts(["greet", "other"].map(|name| Entry::prompt(name, Does::Echo)))
        .resources([Entry::resource(&format!("{server}://a"), Does::Echo)])
        .templates([Entry::template(&format!("{server}://of/{{id}}"), Does::Echo)]);
    Script { completes: Some(Does::Echo), ..script }
}

async fn complete(client: &mut Client, reference: &str) -> Answer {
    client.request("completion/complete", &format!(r#"{{"ref":{reference},{REST}}}"#)).await
}

fn of_prompt(name: &str) -> String {
    format!(r#"{{"z":1e400,"type":"ref/prompt","name":"{name}","title":"\/"}}"#)
}

fn of_template(uri: &str) -> String {
    format!(r#"{{"uri":"{uri}","type":"ref/resource"}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_leads_to_its_server_with_every_byte_but_the_name() {
    let prefix = json!({"resources": {"uriPrefix": "docs+"}});
    for form in [Form::Json, Form::EventStream] {
        let server = |name| Script { form, ..completing(name) };
        let scene = Several::of([("one", server("one"), json!({})), ("two", server("two"), prefix.clone())]);
        let mut client = scene.client();
        let cases = [
            (of_prompt("one-greet"), 0, of_prompt("greet")),
            (of_prompt("two-other"), 1, of_prompt("other")),
            (of_template("one://of/{id}"), 0, of_template("one://of/{id}")),
            (of_template("docs+two://of/{id}"), 1, of_template("two://of/{id}")),
            (of_template("docs+two://a"), 1, of_template("two://a")),
        ];
        for (said, server, native) in &cases {
            let before = scene.all_posts();
            let answer = text(&complete(&mut client, said).await);
            let echo = format!(r#""result":{{"completion":{{"values":["echo"]}},"echo":{{"ref":{native},{REST}}}}}"#);
            assert!(answer.contains(&echo), "{form:?} {said}: {answer}");
            assert_eq!(scene.all_posts(), before + 1, "{form:?} {said}: one POST");
            let sent = scene.upstreams[*server].received_of("completion/complete").pop().unwrap();
            assert!(String::from_utf8_lossy(&sent.body).contains(native), "{sent:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_completes_nothing_is_not_asked() {
    let scene = Several::of([("one", Script { completes: None, ..completing("one") }, json!({}))]);
    let mut client = scene.client();
    let before = scene.all_posts();
    for reference in [of_prompt("one-greet"), of_template("one://of/{id}"), of_template("one://of/7")] {
        let answer = complete(&mut client, &reference).await.json();
        assert_eq!(answer["result"], json!({"completion": {"values": []}}), "{reference}");
    }
    let params = r#""ref":{"type":"ref/prompt","name":"one-greet"},"argument":{"name":"who","value":""}"#;
    let modern = client.modern("completion/complete", None, params).await.json();
    assert_eq!(modern["result"], json!({"completion": {"values": []}, "resultType": "complete"}));
    assert_eq!(scene.all_posts(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modern_client_completes() {
    let scene = Several::of([("one", completing("one"), json!({}))]);
    let params = r#""ref":{"type":"ref/prompt","name":"one-greet"},"argument":{"name":"who","value":""}"#;
    let answer = scene.client().modern("completion/complete", None, params).await.json();
    assert_eq!(answer["result"]["completion"]["values"], json!(["echo"]), "{answer}");
    assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    assert_eq!(answer["result"]["echo"]["ref"]["name"], "greet", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_use_it_gets_no_completion_of_it() {
    let some = json!([{"name": "one", "prompts": ["greet"], "resources": ["one://of/{id}"]}]);
    let tools = json!([{"name": "one", "tools": ["*"]}]);
    let spec = json!({"prompts": {"deny": ["denied"]}});
    let server = completing("one").prompts([Entry::prompt("denied", Does::Echo)]);
    let scene = Several::with_keys([("one", server, spec)], &[("sb-some", some), ("sb-tools", tools)]);
    let cases = [
        (of_prompt("one-greet"), true),
        (of_template("one://of/{id}"), true),
        (of_prompt("one-other"), false),
        (of_prompt("one-denied"), false),
        (of_prompt("one-nothing"), false),
        (of_template("one://a"), false),
        (of_template("one://nothing/{id}"), false),
    ];
    for (key, has_some) in [("sb-some", true), ("sb-tools", false)] {
        let mut client = scene.client_of(key);
        for (reference, granted) in &cases {
            let before = scene.all_posts();
            let answer = complete(&mut client, reference).await;
            let may = *granted && has_some;
            if may {
                assert!(text(&answer).contains(r#""values":["echo"]"#), "{key} {reference}: {answer:?}");
            } else {
                assert_eq!(answer.code(), Some(-32602), "{key} {reference}: {answer:?}");
            }
            assert_eq!(scene.all_posts() - before, u64::from(may), "{key} {reference}");
        }
    }
    let mut elsewhere = scene.client().header("x-mcp-servers", "nowhere");
    assert_eq!(complete(&mut elsewhere, &of_prompt("one-greet")).await.code(), Some(-32602));
}

#[tokio::test(flavor = "multi_thread")]
async fn references_that_are_none_and_servers_that_are_gone() {
    let mut scene = Several::of([("one", completing("one"), json!({}))]);
    let mut client = scene.client();
    let before = scene.all_posts();
    for reference in [
        "7",
        "{}",
        r#"{"type":"ref/prompt"}"#,
        r#"{"type":"ref/prompt","uri":"one://of/{id}"}"#,
        r#"{"type":"ref/resource","name":"one-greet"}"#,
        r#"{"type":"ref/tool","name":"one-greet"}"#,
        r#"{"name":"one-greet"}"#,
    ] {
        assert_eq!(complete(&mut client, reference).await.code(), Some(-32602), "{reference}");
    }
    assert_eq!(client.request("completion/complete", "{}").await.code(), Some(-32602));
    assert_eq!(scene.all_posts(), before);
    drop(scene.upstreams.remove(0));
    for reference in [of_prompt("one-greet"), of_template("one://of/{id}")] {
        let failed = complete(&mut client, &reference).await;
        assert_eq!((failed.status, failed.code()), (StatusCode::OK, Some(-32603)), "{failed:?}");
        assert_eq!(failed.json()["error"]["data"], json!({"switchboard.dev/outcome": "unreachable"}));
    }
}

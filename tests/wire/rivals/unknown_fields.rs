//! A gateway that reads messages into types and writes them anew loses what its types do not have: vendors' members,
//! `_meta`, what a later revision adds.

use http::Method;
use serde_json::json;
use tests::client::{Answer, Client, MODERN, modern_body};
use tests::upstream::{Does, Entry, Form, Script, Tool};

use crate::scene::{Scene, Transport};
use crate::several::{LISTS, text};

/// Members that no revision knows.
const VENDOR: &str = r#""x-vendor":{"z":1e400,"a":[ 1 ],"n":null}"#;
/// Members of `_meta`, where the gateway may add others.
const META: &str = r#""vendor.example/b":9007199254740993,"vendor.example/a":"\u0041""#;

fn unknown() -> String {
    format!(r#"{VENDOR},"_meta":{{{META}}}"#)
}

/// Whether a text has all of them, each as it is.
fn has_unknown(text: &str) -> bool {
    text.contains(VENDOR) && text.contains(META)
}

fn script() -> Script {
    let result = |members: &str| Does::Result(format!("{{{members},{}}}", unknown()));
    let mut plain = Tool::new("plain", result(r#""content":[{"type":"text","text":"","x-vendor":[1e400]}]"#));
    plain.members = format!(",{}", unknown());
    let messages = r#""messages":[{"role":"user","content":{"type":"text","text":"","x-vendor":[1e400]}}]"#;
    let contents = r#""contents":[{"uri":"test://one","text":"","x-vendor":[1e400]}]"#;
    let entry = |name: &str| format!("{{{name},{}}}", unknown());
    let script = Script::with([plain, Tool::new("echo", Does::Echo), Tool::new("steps", Does::Progress(1))])
        .prompts([Entry::prompt("hello", result(messages)).defined(&entry(r#""name":"hello""#))])
        .resources([
            Entry::resource("test://one", result(contents)).defined(&entry(r#""uri":"test://one","name":"one""#))
        ])
        .templates([Entry::template("test://of/{a}", Does::Echo)
            .defined(&entry(r#""uriTemplate":"test://of/{a}","name":"of""#))]);
    Script { form: Form::EventStream, ..script }
}

/// Sends a request in the client's era; `params` are members, without braces.
async fn request(client: &mut Client, is_modern: bool, (method, name): (&str, Option<&str>), params: &str) -> Answer {
    if is_modern {
        client.modern(method, name, params).await
    } else {
        client.request(method, &format!("{{{params}}}")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_goes_through_in_every_direction_between_all_eras() {
    let carriers = [(Transport::Http, false), (Transport::Sse, false), (Transport::Stdio, false)];
    let carriers = carriers.into_iter().chain([(Transport::Http, true), (Transport::Stdio, true)]);
    for (transport, modern_server) in carriers {
        let script = if modern_server { script().modern() } else { script() };
        let scene = Scene::over(transport, script, &json!({}));
        for modern_client in [false, true] {
            let case = format!("{transport:?}, modern server: {modern_server}, modern client: {modern_client}");
            let mut client = if modern_client { scene.client() } else { scene.session().await };
            lists(&mut client, modern_client, &case).await;
            results(&mut client, modern_client, &case).await;
            params(&mut client, modern_client, &case).await;
        }
    }
}

async fn lists(client: &mut Client, modern: bool, case: &str) {
    for (method, ..) in LISTS {
        let list = text(&request(client, modern, (method, None), "").await);
        assert!(has_unknown(&list), "{case}: {method}: {list}");
    }
}

async fn results(client: &mut Client, modern: bool, case: &str) {
    let requests = [
        ("tools/call", "up-plain", r#""name":"up-plain","arguments":{}"#),
        ("prompts/get", "up-hello", r#""name":"up-hello""#),
        ("resources/read", "test://one", r#""uri":"test://one""#),
    ];
    for (method, name, params) in requests {
        let result = text(&request(client, modern, (method, Some(name)), params).await);
        assert!(has_unknown(&result) && result.contains(r#""x-vendor":[1e400]"#), "{case}: {method}: {result}");
    }
}

async fn params(client: &mut Client, modern: bool, case: &str) {
    let params = format!(r#""name":"up-echo","arguments":{{"a":{{"x-vendor":1e400}}}},{VENDOR}"#);
    let answer = if modern {
        let headers = [("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"), ("mcp-name", "up-echo")];
        let body = modern_body(1, "tools/call", &params).replace(r#""_meta":{"#, &format!(r#""_meta":{{{META},"#));
        client.send(&Method::POST, &headers, body).await
    } else {
        client.request("tools/call", &format!(r#"{{{params},"_meta":{{{META}}}}}"#)).await
    };
    let answer = text(&answer);
    let sent = answer.split(r#""params":"#).nth(1).unwrap();
    for member in [r#"{"a":{"x-vendor":1e400}}"#, VENDOR, META] {
        assert!(sent.contains(member), "{case}: {member}: {sent}");
    }
}

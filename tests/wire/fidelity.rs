//! What Switchboard does not read it copies byte for byte: 1e400, 2^53+1,
//! unknown members and unsorted keys, over each transport.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tests::client::modern_body;
use tests::upstream::{Does, Form, Script, Tool};
use tests::wait::until;

use super::scene::{Scene, TRANSPORTS, Transport};

/// Arguments that a decoder would spoil: order, precision, escapes, spaces.
const ARGUMENTS: &str = r#"{"zeta" : 1,"big":9007199254740993,"huge":1e400,"tiny":-0.0,"alpha":{"y":[1.0,1.00,1E5],"x":"\u00e9 é \/ \ud83d\ude00"},"dup":1,"dup":2}"#;

/// A result of the same kind.
const RESULT: &str = r#""zulu":{"k":1E400},"structuredContent":{"z":9007199254740993,"a":1e400,"m":[ 1,2 ]},"content":[{"text":"\u0041\/","type":"text","unknown":0.10}],"alpha":-0"#;

/// Members of a tool's definition of the same kind.
const DEFINITION: &str = r#","x-vendor":{"z":1e400,"a":9007199254740993},"annotations":{"title":"\u0041"}"#;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    params: &'a RawValue,
    #[serde(borrow)]
    extra: &'a RawValue,
}

fn script(form: Form, journal: &std::path::Path) -> Script {
    let mut raw = Tool::new("raw", Does::Result(format!("{{{RESULT}}}")));
    DEFINITION.clone_into(&mut raw.members);
    Script { form, journal: Some(journal.to_owned()), ..Script::with([raw]) }
}

/// The body of the call as the server received it.
fn received(scene: &Scene, transport: Transport, journal: &std::path::Path) -> String {
    match transport {
        Transport::Stdio => until("the call in the journal", std::time::Duration::from_secs(5), || {
            let text = std::fs::read_to_string(journal).unwrap();
            text.lines().find(|line| line.contains("tools/call")).map(str::to_owned)
        }),
        _ => String::from_utf8(scene.upstream.received_of("tools/call")[0].body.to_vec()).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legacy_call_and_its_result_keep_their_bytes_over_each_transport() {
    for (transport, form) in
        TRANSPORTS.map(|transport| (transport, Form::Json)).into_iter().chain([(Transport::Http, Form::EventStream)])
    {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let scene = Scene::over(transport, script(form, &journal), &json!({}));
        let mut client = scene.session().await;
        let params = |name: &str| {
            format!(r#"{{"first":[1e400],"name":"{name}","arguments":{ARGUMENTS},"last":{{"b":1,"a":2}}}}"#)
        };
        let extra = r#"{"z":1e400,"a":1}"#;
        let body = format!(
            r#"{{"extra":{extra},"method":"tools/call","params":{},"id":77,"jsonrpc":"2.0"}}"#,
            params("up-raw")
        );
        let answer = client.post(body).await;

        let sent = received(&scene, transport, &journal);
        let sent: Body<'_> = serde_json::from_str(&sent).unwrap();
        assert_eq!(sent.params.get(), params("raw"), "{transport:?}: only the name is spliced");
        assert_eq!(sent.extra.get(), extra, "{transport:?}");
        let text = String::from_utf8(answer.message().to_vec()).unwrap();
        assert!(text.contains(&format!(r#""result":{{{RESULT}}}"#)), "{transport:?} {form:?}: {text}");
        assert!(text.contains(r#""id":77"#), "{text}");

        let list = client.request("tools/list", "{}").await;
        let text = String::from_utf8(list.message().to_vec()).unwrap();
        assert!(text.contains(DEFINITION.trim_start_matches(',')), "{transport:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modern_call_and_its_result_keep_their_bytes_over_each_transport() {
    for transport in TRANSPORTS {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let scene = Scene::over(transport, script(Form::Json, &journal), &json!({}));
        let members = format!(r#""first":[1e400],"name":"up-raw","arguments":{ARGUMENTS}"#);
        let answer = scene.client().modern("tools/call", Some("up-raw"), &members).await;
        let sent = received(&scene, transport, &journal);
        assert!(sent.contains(r#""first":[1e400],"name":"raw","arguments":"#), "{transport:?}: {sent}");
        assert!(sent.contains(ARGUMENTS), "{transport:?}: {sent}");
        let text = String::from_utf8(answer.message().to_vec()).unwrap();
        assert!(text.contains(RESULT), "{transport:?}: {text}");
        assert!(text.contains(r#""resultType":"complete""#), "{transport:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spaces_and_newlines_between_tokens_survive_and_over_stdio_a_newline_is_a_space() {
    for transport in TRANSPORTS {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let scene = Scene::over(transport, script(Form::Json, &journal), &json!({}));
        let arguments = "{\n\t\"a\" :\r\n 1 ,\"line\":\"\\n\" }";
        let answer = scene.session().await.call("up-raw", arguments).await;
        // Read as text: the reply holds 1e400, which is no number to serde_json.
        let text = String::from_utf8(answer.message().to_vec()).unwrap();
        assert!(text.contains("structuredContent") && !text.contains("isError"), "{text}");
        let sent = received(&scene, transport, &journal);
        let expected = match transport {
            Transport::Stdio => arguments.replace('\n', " "),
            _ => arguments.to_owned(),
        };
        // A carriage return outside strings is a blank to JSON; it may go the newline's way.
        let plain = |text: &str| if transport == Transport::Stdio { text.replace('\r', " ") } else { text.to_owned() };
        assert!(plain(&sent).contains(&plain(&expected)), "{transport:?}: {sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_come_back_as_they_were() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.session().await;
    for id in ["0", "-1", "9007199254740993", r#""text \u00e9""#, r#""""#] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"up-echo"}}}}"#);
        let text = String::from_utf8(client.post(body).await.message().to_vec()).unwrap();
        assert!(text.contains(&format!(r#""id":{id}"#)), "{id}: {text}");
    }
    assert!(modern_body(3, "ping", "").contains(r#""id":3"#));
}

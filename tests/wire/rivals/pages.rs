//! A gateway that reads the first page of a list alone, or drops its cursor, loses all entries beyond that page.

use serde_json::json;
use tests::upstream::{Does, Entry, Script, Tool};

use crate::scene::{Scene, Transport};
use crate::several::{LISTS, get, listed, names, read};

/// Entries of each list; with three on a page the last page has one.
const COUNT: usize = 7;

fn script() -> Script {
    let numbered = |start: &str| (0..COUNT).map(move |number| format!("{start}{number}")).collect::<Vec<_>>();
    let script = Script::with(numbered("tool").iter().map(|name| Tool::new(name, Does::Echo)))
        .prompts(numbered("prompt").iter().map(|name| Entry::prompt(name, Does::Echo)))
        .resources(numbered("test://one/").iter().map(|uri| Entry::resource(uri, Does::Echo)))
        .templates(numbered("test://of/{a}/").iter().map(|template| Entry::template(template, Does::Echo)));
    Script { page: Some(3), ..script }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_every_list_of_every_era_reaches_clients_of_both() {
    let cases = [
        (Transport::Http, script()),
        (Transport::Sse, script()),
        (Transport::Stdio, script()),
        (Transport::Http, script().modern()),
        (Transport::Stdio, script().modern()),
    ];
    for (transport, script) in cases {
        let case = format!("{transport:?}, modern: {}", script.modern_only);
        let scene = Scene::over(transport, script, &json!({}));
        let (mut legacy, mut modern) = (scene.session().await, scene.client());
        for ((method, ..), start) in LISTS.iter().zip(["up-tool", "up-prompt", "test://one/", "test://of/{a}/"]) {
            let expected: Vec<String> = (0..COUNT).map(|number| format!("{start}{number}")).collect();
            assert_eq!(listed(&mut legacy, method).await, expected, "{case}: {method}");
            assert_eq!(names(method, &modern.modern(method, None, "").await), expected, "{case}: {method}");
        }
        // What stands on the last page is there to be used.
        assert_eq!(legacy.call("up-tool6", "{}").await.text(), "echo", "{case}");
        assert_eq!(get(&mut legacy, "up-prompt6").await.json()["result"]["echo"]["name"], "prompt6", "{case}");
        let found = read(&mut legacy, "test://one/6").await.json();
        assert_eq!(found["result"]["contents"][0]["uri"], "test://one/6", "{case}");
    }
}

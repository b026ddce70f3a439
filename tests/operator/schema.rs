//! Manifests that the apiserver accepts and refuses, in `crds/testdata/schema`: a real one and the check offline agree
//! on each, and each CEL rule says the same words in both.

use std::path::{Path, PathBuf};

use crds::resources::{ParsedFile, merge};
use http::Request;
use kube::Client;
use kube::core::Status;
use serde_yaml::Value;
use tests::kube::ApiServer;

use crate::SHARED;

/// What may be created, but not applied by the server, and why. What begins to be applied has to leave this list.
const NOT_APPLIED: [(&str, &str); 1] = [(
    "server-nulls.yaml",
    "a null is dropped from what is created, and is a value of the wrong type in what is applied",
)];

/// One manifest.
struct Fixture {
    file: String,
    text: String,
    /// Whether it stands among those to be refused.
    wrong: bool,
    /// What the refusal has to say.
    expected: String,
    collection: String,
    name: String,
    namespace: String,
}

impl Fixture {
    fn read(path: &Path, wrong: bool) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let value: Value = serde_yaml::from_str(&text).unwrap();
        let field = |value: &Value, name: &str| value[name].as_str().map(ToOwned::to_owned);
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let namespace = field(&value["metadata"], "namespace").unwrap_or_else(|| "default".to_owned());
        let name = field(&value["metadata"], "name").unwrap();
        let plural = field(&value, "kind").unwrap().to_lowercase() + "s";
        let collection = format!("/apis/switchboard.dev/v1alpha1/namespaces/{namespace}/{plural}");
        let expected = text.lines().next().unwrap().strip_prefix("# expect: ").unwrap_or_default().to_owned();
        Self { file, text, wrong, expected, collection, name, namespace }
    }

    fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/testdata/schema");
        let folder = |name: &str, wrong| {
            let entries = std::fs::read_dir(root.join(name)).unwrap();
            let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
            files.sort();
            files.into_iter().map(move |file| Self::read(&file, wrong)).collect::<Vec<_>>()
        };
        folder("accept", false).into_iter().chain(folder("reject", true)).collect()
    }

    /// Why `switchboard validate` would refuse it.
    fn refusal_offline(&self) -> Option<String> {
        let parsed = ParsedFile::parse(&self.file, self.text.as_bytes()).unwrap();
        let findings = merge(&[&parsed]).findings;
        let errors: Vec<_> = findings.iter().filter(|finding| finding.is_error()).map(ToString::to_string).collect();
        (!errors.is_empty()).then(|| errors.join("; "))
    }

    /// Why the apiserver refuses to create it, validated as kubectl has it done.
    async fn refusal_to_create(&self, client: &Client) -> Option<String> {
        let request = Request::post(format!("{}?dryRun=All&fieldValidation=Strict", self.collection));
        self.refusal(client, request.header("content-type", "application/yaml")).await
    }

    /// Why it refuses to apply it, as GitOps controllers have it done.
    async fn refusal_to_apply(&self, client: &Client) -> Option<String> {
        let query = "fieldManager=tests&force=true&dryRun=All&fieldValidation=Strict";
        let request = Request::patch(format!("{}/{}?{query}", self.collection, self.name));
        self.refusal(client, request.header("content-type", "application/apply-patch+yaml")).await
    }

    /// Sends the very bytes of the file.
    async fn refusal(&self, client: &Client, request: http::request::Builder) -> Option<String> {
        match client.request_text(request.body(self.text.clone().into_bytes()).unwrap()).await {
            Ok(_) => None,
            Err(kube::Error::Api(status)) if is_refusal(&status) => Some(status.message.clone()),
            Err(error) => panic!("{}: {error}", self.file),
        }
    }
}

/// What cannot be merged for its form, as a list with an entry twice, is an error 500 of the apiserver.
fn is_refusal(status: &Status) -> bool {
    (400..500).contains(&status.code) || status.message.starts_with("failed to create typed patch object")
}

async fn make_namespaces(server: &ApiServer, fixtures: &[Fixture]) {
    let mut names: Vec<&str> = fixtures.iter().map(|fixture| fixture.namespace.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names.into_iter().filter(|name| *name != "default") {
        server.namespace(name, &[]).await;
    }
}

#[tokio::test]
async fn each_manifest_is_judged_alike_by_the_apiserver_and_offline() {
    let fixtures = Fixture::all();
    assert!(fixtures.len() > 200, "{} manifests", fixtures.len());
    make_namespaces(&SHARED, &fixtures).await;
    let client = SHARED.client().await;
    let mut wrong = Vec::new();
    for fixture in &fixtures {
        let create = fixture.refusal_to_create(&client).await;
        let apply = fixture.refusal_to_apply(&client).await;
        let offline = fixture.refusal_offline();
        let not_applied = fixture.wrong || NOT_APPLIED.iter().any(|(file, _)| *file == fixture.file);
        let alike = [&create, &offline].into_iter().all(|refusal| refusal.is_some() == fixture.wrong);
        if !alike || apply.is_some() != not_applied {
            wrong.push(format!("{}:\n  create: {create:?}\n  apply: {apply:?}\n  offline: {offline:?}", fixture.file));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words of a CEL rule are ours, so that both say them; those of the structure are the apiserver's own.
#[tokio::test]
async fn the_apiserver_says_the_words_of_each_rule() {
    let client = SHARED.client().await;
    let messages = messages(&SHARED);
    assert!(messages.len() > 20, "{messages:?}");
    let mut said = 0;
    for fixture in Fixture::all().into_iter().filter(|fixture| fixture.wrong) {
        if !messages.iter().any(|message| message.starts_with(&fixture.expected)) {
            continue;
        }
        let refusal = fixture.refusal_to_create(&client).await.unwrap_or_default();
        assert!(refusal.contains(&fixture.expected), "{}: {refusal}", fixture.file);
        said += 1;
    }
    assert!(said >= messages.len(), "{said} of {}", messages.len());
}

/// The message of every rule, as the apiserver has it.
fn messages(server: &ApiServer) -> Vec<String> {
    fn collect(schema: &serde_json::Value, found: &mut Vec<String>) {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            found.push(rule["message"].as_str().unwrap().to_owned());
        }
        let below = schema.as_object().into_iter().flat_map(|fields| fields.values());
        below.chain(schema.as_array().into_iter().flatten()).for_each(|part| collect(part, found));
    }
    let definitions = server.kubectl(&["get", "crds", "--output=json"]);
    let mut found = Vec::new();
    collect(&serde_json::from_str(&definitions).unwrap(), &mut found);
    found.sort();
    found.dedup();
    found
}

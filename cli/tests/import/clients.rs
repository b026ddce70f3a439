//! The files of Cursor, Claude and VS Code.

use std::fs;

use serde_json::{Value, json};

use super::serving::Serving;
use super::{Imported, stands_in_objects, switchboard};

const CURSOR: &str = r#"{
  "mcpServers": {
    "Demo Server": { "command": "switchboard", "args": ["demo-server"], "env": { "DEMO_API_KEY": "k-4711", "LOG_LEVEL": "info" } },
    "zapier": { "url": "https://actions.zapier.com/mcp/sk-ak-0123456789/sse", "headers": { "X-Api-Key": "abc", "X-Env": "production" } },
    "linear": { "url": "https://mcp.linear.app/mcp", "headers": { "Authorization": "Bearer ${env:LINEAR_TOKEN}" } }
  }
}"#;

const CLAUDE: &str = r#"{
  "globalShortcut": "Ctrl+Space",
  "mcpServers": {
    "filesystem": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "/srv/docs"] },
    "remote": { "command": "npx", "args": ["mcp-remote", "https://h.example/mcp", "--header", "Authorization: Bearer sk-1"] },
    "mcp": { "type": "sse", "url": "https://me:pa%20ss@old.example.com/sse" },
    "off": { "command": "nothing", "disabled": true }
  }
}"#;

const VSCODE: &str = r#"{
  // asked for once
  "inputs": [{ "type": "promptString", "id": "pat", "description": "GitHub PAT", "password": true }],
  "servers": {
    "github": { "type": "http", "url": "https://api.githubcopilot.com/mcp/", "headers": { "Authorization": "Bearer ${input:pat}" } },
    "demo-server": { "type": "stdio", "command": "switchboard", "args": ["demo-server"], "envFile": "${workspaceFolder}/.env" },
    "Demo_Server": { "type": "stdio", "command": "switchboard", "args": ["demo-server"] },
  },
}"#;

fn import(text: &str) -> Imported {
    Imported::of(&["mcp-servers"], &[("mcp.json", text)])
}

#[test]
fn cursors_file_is_served_and_called() {
    let imported = import(CURSOR);
    assert_eq!(imported.code, 1);
    let demo = imported.object("mcpserver-demo-server.yaml");
    assert_eq!(demo["spec"]["alias"], "Demo_Server", "the original name, as callers write it");
    let env = &demo["spec"]["stdio"]["env"];
    assert_eq!(
        (&env[0]["valueFrom"]["secretKeyRef"]["key"], &env[1]["value"]),
        (&json!("DEMO_API_KEY"), &json!("info"))
    );
    let secret = imported.object("secret-demo-server-credentials.yaml");
    assert_eq!(secret["metadata"]["labels"]["switchboard.dev/use"], "credential");
    assert_eq!(secret["stringData"]["DEMO_API_KEY"], "k-4711");
    let linear = imported.object("mcpserver-linear.yaml");
    assert_eq!((&linear["spec"]["auth"]["type"], &linear["spec"]["http"]["headers"]), (&json!("Bearer"), &Value::Null));
    assert!(imported.says("mcpServers.linear.headers.Authorization", "`env:LINEAR_TOKEN` is not looked up here"));
    assert_eq!(imported.report.len(), 1, "{:?}", imported.report);
    for secret in ["k-4711", "sk-ak", "abc"] {
        assert!(!stands_in_objects(&imported.manifests(), secret), "{secret}");
    }

    let key = switchboard(&["key", "create", "me", "--server", "demo-server"]);
    fs::write(imported.manifests().join("me.yaml"), key.output).unwrap();
    let key = key.errors.trim().rsplit(' ').next().unwrap().to_owned();
    let serving = Serving::start(&imported.manifests());
    assert!(serving.tools(&key).contains(&"Demo_Server-add".to_owned()));
    assert_eq!(serving.add(&key, "Demo_Server-add"), "5");
}

#[test]
fn claudes_file_says_what_has_no_counterpart() {
    let imported = import(CLAUDE);
    let remote = imported.object("mcpserver-remote.yaml");
    assert_eq!(remote["spec"]["stdio"]["command"], "npx");
    assert!(imported.says("mcpServers.remote.args[3]", "looks like a secret"));
    assert!(imported.says("mcpServers.off", "disabled") && imported.object("mcpserver-off.yaml").is_null());
    let reserved = imported.object("mcpserver-mcp.yaml");
    assert_eq!(
        (&reserved["spec"]["alias"], &reserved["spec"]["http"]["transport"]),
        (&json!("server_mcp"), &json!("SSE"))
    );
    assert!(imported.says("mcpServers.mcp", "is its name for callers"));
    assert_eq!(
        (&reserved["spec"]["http"]["url"], &reserved["spec"]["auth"]["type"]),
        (&json!("https://old.example.com/sse"), &json!("Basic"))
    );
    assert_eq!(imported.object("secret-mcp-credentials.yaml")["stringData"]["url-user"], "me:pa ss");
    assert!(imported.object("mcpserver-filesystem.yaml")["spec"].get("alias").is_none());
}

#[test]
fn vs_codes_inputs_are_named_and_collisions_too() {
    let imported = import(VSCODE);
    assert!(imported.says("servers.github.headers.Authorization", "`input:pat` (GitHub PAT)"));
    assert!(imported.says("servers.demo-server.envFile", "not read"));
    assert_eq!(imported.object("secret-github-credentials.yaml")["stringData"]["token"], "REPLACE_ME");
    let [first, second] =
        ["mcpserver-demo-server.yaml", "mcpserver-demo-server-2.yaml"].map(|file| imported.object(file));
    assert!(!first.is_null() && !second.is_null());
    let collided = ["servers.demo-server", "servers.Demo_Server"].iter().any(|at| imported.says(at, "is taken"));
    assert!(collided, "{:?}", imported.report);
}

#[test]
fn nothing_is_written_over_without_being_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("mcp.json"), folder.path().join("out"));
    fs::write(&file, r#"{ "mcpServers": { "a": { "command": "switchboard", "args": ["demo-server"] } } }"#).unwrap();
    let arguments = ["import", "mcp-servers", file.to_str().unwrap()];
    let into = [&arguments[..], &["-o", out.to_str().unwrap()]].concat();
    assert_eq!(switchboard(&into).code, 0);
    fs::write(out.join("mcpserver-a.yaml"), "mine").unwrap();
    let again = switchboard(&into);
    assert_eq!(again.code, 2);
    assert!(again.errors.contains("--force"), "{}", again.errors);
    assert_eq!(fs::read_to_string(out.join("mcpserver-a.yaml")).unwrap(), "mine");
    assert_eq!(switchboard(&[&into[..], &["--force"]].concat()).code, 0);
    let printed = switchboard(&arguments);
    assert_eq!((printed.code, printed.output), (0, fs::read_to_string(out.join("mcpserver-a.yaml")).unwrap()));
    fs::write(&file, "{").unwrap();
    assert_eq!(switchboard(&arguments).code, 2);
    assert_eq!(switchboard(&["import", "mcp-servers"]).code, 2);
}

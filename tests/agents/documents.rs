//! LiteLLM's documented clients: the tool blocks of its requests to the Responses API, which a model's provider
//! connects with, and its configuration for Cursor, which `npx mcp-remote` runs.

use serde_json::{Value, from_value, json};
use tests::examples::document;
use tests::jobs::Job;

use crate::client::{Client, Outcome, Task};
use crate::program::Program;
use crate::world::{SERVER2, SERVER3, STORED, World, ZAPIER};

/// A document, where in it the address and the headers stand, and what they lead to.
struct Documented {
    name: &'static str,
    file: &'static str,
    /// The JSON pointer of the object that has both, and the name of the address in it.
    place: (&'static str, &'static str),
    tools: Vec<&'static str>,
    /// What Zapier_Gmail is sent (R24).
    credential: &'static str,
    /// A tool that there is and that is not for this client.
    refused: &'static str,
}

/// Each document with both keys.
pub(crate) fn clients(world: &World) -> Vec<Client> {
    let all = || [&ZAPIER[..], &SERVER2, &SERVER3].concat();
    let group = || [&ZAPIER[..], &SERVER2].concat();
    let block = |name, file, tools, credential, refused| Documented {
        name,
        file,
        place: ("", "server_url"),
        tools,
        credential,
        refused,
    };
    let blocks = [
        block("Responses API", "responses/all.json", all(), STORED, "Server4-add"),
        block("Responses API, one server", "responses/one-server.json", ZAPIER.to_vec(), STORED, "Server2-echo"),
        block("Responses API, access group", "responses/access-group.json", group(), STORED, "Server3-add"),
        block(
            "Responses API, x-mcp-auth",
            "responses/mcp-auth.json",
            all(),
            "Bearer YOUR_MCP_AUTH_TOKEN",
            "Server4-add",
        ),
    ];
    let authorization = "Bearer sk-zapier-token-123";
    let renamed =
        block("Responses API, authorization", "responses/authorization.json", all(), authorization, "Server4-add");
    let cursor = Documented {
        place: ("/mcpServers/LiteLLM", "url"),
        ..block("Cursor", "cursor/mcp.json", group(), STORED, "Server3-add")
    };
    let sdks = [Program::Python1, Program::Python2];
    let mut clients: Vec<Client> = blocks.iter().map(|block| block.client(&sdks, world, &world.gateway.mcp)).collect();
    clients.push(renamed.client(&sdks, world, &world.renamed.mcp));
    clients.push(cursor.client(&[Program::McpRemote], world, &world.gateway.mcp));
    clients
}

impl Documented {
    fn client(&self, programs: &[Program], world: &World, mcp: &str) -> Client {
        let keys = world.keys.and_litellms();
        let tasks = keys.iter().flat_map(|(whose, key)| self.tasks(whose, &document(self.file, mcp, key)));
        Client { name: self.name, programs: programs.to_vec(), tasks: tasks.collect() }
    }

    /// A call that is allowed, and one that is not.
    fn tasks(&self, whose: &str, document: &Value) -> [Task; 2] {
        let (place, address) = self.place;
        let document = document.pointer(place).unwrap();
        let headers = from_value(document["headers"].clone()).unwrap();
        let name = format!("{} with {whose}", self.name);
        let job = Job::listing(name, document[address].as_str().unwrap(), headers);
        let mut tools: Vec<String> = self.tools.iter().map(|&tool| tool.to_owned()).collect();
        tools.sort();
        let task = |tool, outcome| Task { job: job.clone().calling(tool, json!({})), tools: tools.clone(), outcome };
        [
            task("Zapier_Gmail-send_email", Outcome::SaysTo("sent", self.credential)),
            task(self.refused, Outcome::NotFound),
        ]
    }
}

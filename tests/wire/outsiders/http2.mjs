// A client of HTTP/2 that nobody here has written: node's. Opens streams of every kind over one connection, says
// "open", and when the connection has ended prints what became of each.
//
//   node http2.mjs ORIGIN KEY [CERTIFICATE THAT IS TRUSTED]
import { readFileSync } from "node:fs";
import { connect } from "node:http2";

const [origin, key, trusted] = process.argv.slice(2);
const session = connect(origin, trusted ? { ca: readFileSync(trusted) } : {});
const seen = { alpn: null, goaways: [], errors: [], streams: {} };
session.on("goaway", (code) => seen.goaways.push(code));
session.on("error", (error) => seen.errors.push(String(error)));
session.on("close", () => console.log(JSON.stringify(seen)));

// Sends a request; gives its head, and notes in `seen` what comes of it.
function open(name, headers, body) {
  const stream = session.request({ "x-litellm-api-key": key, ...headers }, { endStream: body === undefined });
  const noted = (seen.streams[name] = { status: null, text: "", ended: false, code: null, error: null });
  stream.setEncoding("utf8");
  stream.on("data", (text) => (noted.text += text));
  stream.on("end", () => (noted.ended = true));
  stream.on("error", (error) => (noted.error = String(error)));
  const closed = new Promise((resolve) => stream.on("close", () => resolve((noted.code = stream.rstCode))));
  const head = new Promise((resolve) => stream.on("response", (head) => resolve((noted.status = head[":status"]) && head)));
  if (body !== undefined) stream.end(JSON.stringify(body));
  return { head, closed };
}

const accept = "application/json, text/event-stream";
const post = { ":method": "POST", ":path": "/mcp", "content-type": "application/json", accept };
const get = { ":method": "GET", ":path": "/mcp", accept: "text/event-stream" };

const clientInfo = { name: "node", version: "1" };
const begin = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
const initialize = open("initialize", post, { jsonrpc: "2.0", id: 1, method: "initialize", params: begin });
const of = { "mcp-session-id": (await initialize.head)["mcp-session-id"], "mcp-protocol-version": "2025-11-25" };
await initialize.closed;
seen.alpn = session.alpnProtocol;

const listen = {
  jsonrpc: "2.0",
  id: 2,
  method: "subscriptions/listen",
  params: {
    notifications: { toolsListChanged: true },
    _meta: {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
      "io.modelcontextprotocol/clientInfo": clientInfo,
    },
  },
};
const modern = { "mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen" };
const opened = [
  open("get", { ...get, ...of }),
  open("sse", { ...get, ":path": "/sse" }),
  open("listen", { ...post, ...modern }, listen),
];
open("call", { ...post, ...of }, { jsonrpc: "2.0", id: 3, method: "tools/call", params: { name: "up-slow" } });
for (const stream of opened) await stream.head;
console.log("open");

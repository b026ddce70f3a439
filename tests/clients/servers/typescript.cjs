// A server on the TypeScript v2 packages that speaks 2026-07-28 alone: node typescript.cjs PORT.
//
// What it offers is what `python.py` beside it offers. Each answer of `echo` says in which revision it was asked.
"use strict";

const { createServer } = require("node:http");
const { toNodeHandler } = require("@modelcontextprotocol/node");
const {
  McpServer, acceptedContent, createMcpHandler, fromJsonSchema, inputRequired, PROTOCOL_VERSION_META_KEY,
} = require("@modelcontextprotocol/server");

const text = (text) => ({ content: [{ type: "text", text }] });
const object = (properties) => fromJsonSchema({ type: "object", properties, required: Object.keys(properties) });

function server() {
  const server = new McpServer({ name: "typescript", version: "1.0.0" });
  server.registerTool("echo", { inputSchema: object({ message: { type: "string" } }) }, ({ message }, { mcpReq }) =>
    text(`Echo: ${message} (${mcpReq.envelope[PROTOCOL_VERSION_META_KEY]})`));
  server.registerTool("count", { inputSchema: object({ to: { type: "integer" } }) }, async ({ to }, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (let progress = 1; progress <= to && progressToken !== undefined; progress++) {
      await mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: to } });
    }
    return text(`Counted to ${to}`);
  });
  server.registerTool("greet", {}, ({ mcpReq }) => {
    const person = acceptedContent(mcpReq.inputResponses, "person");
    if (person) return text(`Hello, ${person.name}`);
    const requestedSchema = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
    return inputRequired({
      inputRequests: { person: inputRequired.elicit({ message: "Who are you?", requestedSchema }) },
    });
  });
  server.registerPrompt("welcome", {}, () =>
    ({ messages: [{ role: "user", content: { type: "text", text: "Say welcome." } }] }));
  server.registerResource("notes", "notes://today", { mimeType: "text/plain" }, (uri) =>
    ({ contents: [{ uri: uri.href, mimeType: "text/plain", text: "Nothing today." }] }));
  return server;
}

const port = Number(process.argv[2]);
createServer(toNodeHandler(createMcpHandler(server, { legacy: "reject" }))).listen(port, "127.0.0.1", () =>
  console.error(`listening on port ${port}`));

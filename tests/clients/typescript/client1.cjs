// The official TypeScript SDK 1.x as a client, unmodified; it knows `initialize` only. Jobs and results: see jobs.cjs.
//
// CommonJS on purpose: `require` finds the pinned packages through NODE_PATH, outside the checkout.
"use strict";

const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { ElicitRequestSchema } = require("@modelcontextprotocol/sdk/types.js");
const { run } = require("./jobs.cjs");

run({
  Transport: StreamableHTTPClientTransport,
  client(job) {
    const capabilities = job.elicit ? { elicitation: { form: {} } } : {};
    const client = new Client({ name: "switchboard-tests-typescript", version: "1.0.0" }, { capabilities });
    if (job.elicit) client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: job.elicit }));
    return client;
  },
  protocol: (_client, transport) => transport.protocolVersion,
  callTool: (client, params, options) => client.callTool(params, undefined, options),
});

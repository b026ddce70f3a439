// The TypeScript v2 packages as a client, unmodified. Jobs and results: see jobs.cjs.
//
// Without an `era` it probes `server/discover` first; the package's own default is `initialize`.
"use strict";

const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
const { run } = require("./jobs.cjs");

run({
  Transport: StreamableHTTPClientTransport,
  client(job) {
    const client = new Client(
      { name: "switchboard-tests-typescript-2", version: "1.0.0" },
      {
        capabilities: job.elicit ? { elicitation: { form: {} } } : {},
        versionNegotiation: { mode: job.era ?? "auto" },
      },
    );
    if (job.elicit) client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: job.elicit }));
    return client;
  },
  protocol: (client) => client.getNegotiatedProtocolVersion(),
  callTool: (client, params, options) => client.callTool(params, options),
});

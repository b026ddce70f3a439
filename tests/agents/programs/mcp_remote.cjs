// Cursor and other clients of stdio servers, as mcp-remote serves them: the official TypeScript SDK 1.x starts
// `npx mcp-remote URL --header …` for each job and speaks to it. Jobs and results: see clients/typescript/jobs.cjs.
"use strict";

const path = require("node:path");
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport, getDefaultEnvironment } = require("@modelcontextprotocol/sdk/client/stdio.js");
const { run } = require("../../clients/typescript/jobs.cjs");

class McpRemote extends StdioClientTransport {
  constructor(url, { requestInit: { headers } }) {
    const flags = Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]);
    super({
      command: "npx",
      args: ["--no", "--", "mcp-remote", url.href, ...flags],
      // Where the pinned one is installed, so that npx downloads none.
      cwd: path.dirname(process.env.NODE_PATH),
      env: { ...getDefaultEnvironment(), MCP_REMOTE_CONFIG_DIR: process.env.MCP_REMOTE_CONFIG_DIR },
    });
  }

  // A stdio server ends with its client.
  async terminateSession() {}
}

run({
  Transport: McpRemote,
  client: () => new Client({ name: "switchboard-tests-stdio", version: "1.0.0" }, { capabilities: {} }),
  protocol: () => undefined,
  callTool: (client, params, options) => client.callTool(params, undefined, options),
});

// The official TypeScript SDK as a client, unmodified: reads a JSON list of jobs on stdin and prints one JSON line a job.
//
// A job:    {name, url, headers, list, call: {name, arguments} | absent}
// A result: {name, protocol, tools: [sorted names] | null, call: {isError, text} | null, error: string | null}
//
// CommonJS on purpose: `require` finds the pinned packages through NODE_PATH, outside the checkout.
"use strict";

const { text } = require("node:stream/consumers");
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");

async function listAll(client) {
  const names = [];
  let cursor;
  do {
    const page = await client.listTools(cursor === undefined ? {} : { cursor });
    names.push(...page.tools.map((tool) => tool.name));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return names.sort();
}

async function run(job) {
  const result = { name: job.name, protocol: null, tools: null, call: null, error: null };
  const client = new Client({ name: "switchboard-tests-typescript", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(job.url), { requestInit: { headers: job.headers } });
  try {
    await client.connect(transport);
    result.protocol = transport.protocolVersion ?? null;
    if (job.list) result.tools = await listAll(client);
    if (job.call) {
      const answer = await client.callTool({ name: job.call.name, arguments: job.call.arguments });
      const texts = answer.content.filter((block) => block.type === "text").map((block) => block.text);
      result.call = { isError: answer.isError ?? false, text: texts.join("\n") };
    }
    await transport.terminateSession();
  } catch (error) {
    result.error = String(error);
  } finally {
    await client.close();
  }
  return result;
}

async function main() {
  const jobs = JSON.parse(await text(process.stdin));
  for (const job of jobs) console.log(JSON.stringify(await run(job)));
}

main();

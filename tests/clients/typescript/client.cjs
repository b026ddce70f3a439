// The official TypeScript SDK as a client, unmodified: reads a JSON list of jobs on stdin and prints one JSON line a job.
//
// A job:    {name, url, headers, list, call: {name, arguments} | absent, ask: [{method, params}]}
// A result: {name, protocol, tools: [sorted names] | null, call: {isError, text} | null,
//            answers: [the entries of a list, all pages, or the result's member that says it], error: string | null}
//
// CommonJS on purpose: `require` finds the pinned packages through NODE_PATH, outside the checkout.
"use strict";

const { text } = require("node:stream/consumers");
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");

async function pages(listPage, member) {
  const entries = [];
  let cursor;
  do {
    const page = await listPage(cursor === undefined ? {} : { cursor });
    entries.push(...page[member]);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return entries;
}

async function ask(client, { method, params }) {
  switch (method) {
    case "prompts/list": return pages((page) => client.listPrompts(page), "prompts");
    case "resources/list": return pages((page) => client.listResources(page), "resources");
    case "resources/templates/list": return pages((page) => client.listResourceTemplates(page), "resourceTemplates");
    case "prompts/get": return (await client.getPrompt(params)).messages;
    case "resources/read": return (await client.readResource(params)).contents;
    case "completion/complete": return (await client.complete(params)).completion;
    default: throw new Error(`no such method: ${method}`);
  }
}

async function run(job) {
  const result = { name: job.name, protocol: null, tools: null, call: null, answers: [], error: null };
  const client = new Client({ name: "switchboard-tests-typescript", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(job.url), { requestInit: { headers: job.headers } });
  try {
    await client.connect(transport);
    result.protocol = transport.protocolVersion ?? null;
    if (job.list) {
      const tools = await pages((page) => client.listTools(page), "tools");
      result.tools = tools.map((tool) => tool.name).sort();
    }
    if (job.call) {
      const answer = await client.callTool({ name: job.call.name, arguments: job.call.arguments });
      const texts = answer.content.filter((block) => block.type === "text").map((block) => block.text);
      result.call = { isError: answer.isError ?? false, text: texts.join("\n") };
    }
    for (const asked of job.ask) result.answers.push(await ask(client, asked));
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

// What the clients of both TypeScript SDKs share: a JSON list of jobs on stdin, one JSON line a job on stdout.
//
// A job:    {name, url, headers, list, call: {name, arguments, progress: bool} | absent, ask: [{method, params}],
//            elicit: with which content to accept every form | absent: cannot be asked, era: auto | legacy | absent}
// A result: {name, protocol, tools: [sorted names] | null, call: {isError, text, progress: [numbers]} | null,
//            answers: [the entries of a list, all pages, or the result's member that says it], error: string | null}
"use strict";

const { text } = require("node:stream/consumers");

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

async function run(sdk, job) {
  const result = { name: job.name, protocol: null, tools: null, call: null, answers: [], error: null };
  const client = sdk.client(job);
  const transport = new sdk.Transport(new URL(job.url), { requestInit: { headers: job.headers } });
  try {
    await client.connect(transport);
    result.protocol = sdk.protocol(client, transport) ?? null;
    if (job.list) {
      const tools = await pages((page) => client.listTools(page), "tools");
      result.tools = tools.map((tool) => tool.name).sort();
    }
    if (job.call) {
      const progress = [];
      const options = job.call.progress ? { onprogress: (update) => progress.push(update.progress) } : {};
      const answer = await sdk.callTool(client, { name: job.call.name, arguments: job.call.arguments }, options);
      const texts = answer.content.filter((block) => block.type === "text").map((block) => block.text);
      result.call = { isError: answer.isError ?? false, text: texts.join("\n"), progress };
    }
    for (const asked of job.ask) result.answers.push(await ask(client, asked));
    await transport.terminateSession();
  } catch (error) {
    // What the gateway says of each server stands beside the message.
    result.error = error.data === undefined ? String(error) : `${error} ${JSON.stringify(error.data)}`;
  } finally {
    await client.close();
  }
  return result;
}

// Runs the jobs with an SDK: `client` of a job, `Transport`, `protocol` negotiated, and `callTool`.
exports.run = async (sdk) => {
  for (const job of JSON.parse(await text(process.stdin))) console.log(JSON.stringify(await run(sdk, job)));
};

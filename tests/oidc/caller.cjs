// Clients of the official TypeScript SDK that get their tokens as the gateway tells them to: from its 401 to the
// protected-resource metadata, from there to the issuer, from there to a token by client credentials.
// `node caller.cjs URL ID CLIENTS ISSUER`: so many at once, each with a token of its own for a list and some calls, then another.
// A line on standard input asks for what was done so far, its end for the rest.
"use strict";

const readline = require("node:readline");
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { ClientCredentialsProvider } = require("@modelcontextprotocol/sdk/client/auth-extensions.js");

const [url, id, clients, expectedIssuer] = process.argv.slice(2);
const CALLS = 10;
const done = { tokens: 0, calls: 0, failed: 0, kids: [], tools: [], failure: null };
let ending = false;

async function once() {
  const authProvider = new ClientCredentialsProvider({ clientId: id, clientSecret: `secret-of-${id}`, expectedIssuer });
  const client = new Client({ name: "switchboard-tests-oidc", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider }));
  const [header] = authProvider.tokens().access_token.split(".");
  const { kid } = JSON.parse(Buffer.from(header, "base64url"));
  done.tokens += 1;
  if (!done.kids.includes(kid)) done.kids.push(kid);
  const { tools } = await client.listTools();
  done.tools = tools.map(({ name }) => name);
  for (let number = 0; number < CALLS && !ending; number += 1) {
    const { isError, content } = await client.callTool({ name: done.tools[0], arguments: {} });
    if (isError) throw new Error(JSON.stringify(content));
    done.calls += 1;
  }
  await client.close();
}

async function repeat() {
  do {
    await once().catch((error) => {
      done.failed += 1;
      done.failure ??= `${error.name}: ${error.message}`;
      // It is told once what is wrong, and does not ask again and again.
      ending = true;
    });
  } while (!ending);
}

async function main() {
  const say = () => process.stdout.write(`${JSON.stringify(done)}\n`);
  const all = Promise.all(Array.from({ length: Number(clients) }, repeat));
  for await (const _line of readline.createInterface({ input: process.stdin })) say();
  ending = true;
  await all;
  say();
}

main();

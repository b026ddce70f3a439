// An OpenID provider as npm `oidc-provider` has it, over https on loopback: `node provider.cjs CERTIFICATE KEY`.
// It tells its issuer in a JSON line. Each line `rotate` on its standard input makes a key, by which tokens are signed from
// then on; the one before stays published. `asked` tells how often its keys were asked for.
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const https = require("node:https");
const path = require("node:path");
const readline = require("node:readline");
const { pathToFileURL } = require("node:url");

// Standard output is for the test.
console.info = console.error;

const [certificate, key] = process.argv.slice(2);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

// Any id: one is known to the gateway, one is not, and one gets tokens for somebody else.
const client = (id) => ({
  client_id: id,
  client_secret: `secret-of-${id}`,
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
});

const configuration = (keys) => ({
  clients: ["robot", "stranger", "elsewhere"].map(client),
  jwks: { keys },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, _resource, { clientId }) => ({
        scope: "tools",
        audience: clientId === "elsewhere" ? "elsewhere" : "switchboard",
        accessTokenFormat: "jwt",
        accessTokenTTL: 300,
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
});

async function main() {
  const { default: Provider } = await import(
    pathToFileURL(path.join(process.env.NODE_PATH, "oidc-provider", "lib", "index.js"))
  );
  let [keys, asked, answer] = [[], 0, undefined];
  const server = https.createServer(
    { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) },
    (request, response) => {
      asked += request.url === "/jwks";
      answer(request, response);
    },
  );
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const issuer = `https://localhost:${server.address().port}`;
  const rotate = () => {
    const { privateKey } = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
    const jwk = { ...privateKey.export({ format: "jwk" }), kid: crypto.randomUUID(), alg: "RS256", use: "sig" };
    keys = [jwk, ...keys.slice(0, 1)];
    answer = new Provider(issuer, configuration(keys)).callback();
    return jwk.kid;
  };
  rotate();
  say({ issuer });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    say(line === "rotate" ? { kid: rotate() } : { asked });
  }
  server.close();
  server.closeAllConnections();
}

main();

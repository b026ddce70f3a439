// Reads each line of stdin (a body in base64) as JSON.parse does and tells who is called. See decoder.rs.

import { createInterface } from "node:readline";

// JavaScript sorts by UTF-16 units, so that base64 (ASCII) is what is sorted.
const text = (value) => "s" + Buffer.from(value, "utf8").toString("base64");

function field(value) {
  if (value === undefined || value === null) return "-";
  if (typeof value === "string") return text(value);
  if (typeof value !== "number") return "?";
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(value + 0);
  return "n" + bits.toString("hex");
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function args(value) {
  if (value === undefined || value === null) return "-";
  return isObject(value) ? "k" + Object.keys(value).map(text).sort().join(",") : "?";
}

function call(message) {
  if (!isObject(message)) return "?";
  const params = isObject(message.params) ? message.params : {};
  const mirrored = isObject(params.arguments) && Object.hasOwn(params.arguments, "name") ? params.arguments.name : null;
  return [field(message.id), field(message.method), field(params.name), args(params.arguments), field(mirrored)].join(" ");
}

function answer(body) {
  let decoded;
  try {
    decoded = JSON.parse(body);
  } catch {
    return "refused";
  }
  return (Array.isArray(decoded) ? decoded : [decoded]).map(call).join("|");
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(answer(Buffer.from(line, "base64").toString("utf8")));
}

"""The official Python SDK as a client, unmodified: reads a JSON list of jobs on stdin and prints one JSON line a job.

A job:    {name, url, headers, list, call: {name, arguments} | absent, era: auto | legacy | modern, default auto}
A result: {name, protocol, tools: [sorted names] | null, call: {isError, text} | null, error: string | null}

`auto` is the SDK's own default: `server/discover` first, `initialize` if the server is not modern.
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

MODES = {"auto": "auto", "legacy": "legacy", "modern": "2026-07-28"}
TIMEOUT_SECONDS = 30


async def list_all(client: Client) -> list[str]:
    names: list[str] = []
    cursor = None
    while True:
        page = await client.list_tools(cursor=cursor)
        names += [tool.name for tool in page.tools]
        cursor = page.next_cursor
        if cursor is None:
            return sorted(names)


async def converse(job: dict, result: dict) -> None:
    async with httpx2.AsyncClient(headers=job["headers"], timeout=TIMEOUT_SECONDS) as http_client:
        transport = streamable_http_client(job["url"], http_client=http_client)
        async with Client(transport, mode=MODES[job.get("era") or "auto"]) as client:
            result["protocol"] = client.protocol_version
            if job["list"]:
                result["tools"] = await list_all(client)
            if call := job.get("call"):
                answer = await client.call_tool(call["name"], call["arguments"])
                texts = [block.text for block in answer.content if block.type == "text"]
                result["call"] = {"isError": answer.is_error or False, "text": "\n".join(texts)}


def reason(error: BaseException) -> str:
    """The innermost errors: task groups wrap what went wrong once a level."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(reason(inner) for inner in error.exceptions)
    return f"{type(error).__name__}: {error}"


async def run(job: dict) -> dict:
    result = {"name": job["name"], "protocol": None, "tools": None, "call": None, "error": None}
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await converse(job, result)
    except Exception as error:
        result["error"] = reason(error)
    return result


async def main() -> None:
    for job in json.load(sys.stdin):
        print(json.dumps(await run(job)), flush=True)


asyncio.run(main())

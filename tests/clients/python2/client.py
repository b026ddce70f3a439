"""The official Python SDK 2.x as a client, unmodified: reads a JSON list of jobs on stdin and prints one JSON line a job.

A job:    {name, url, headers, list, call: {name, arguments, progress: bool} | absent, ask: [{method, params}],
           elicit: with which content to accept every form | absent: cannot be asked,
           era: auto | legacy | modern, default auto}
A result: {name, protocol, tools: [sorted names] | null, call: {isError, text, progress: [numbers]} | null,
           answers: [the entries of a list, all pages, or the result's member that says it], error: string | null}

`auto` is the SDK's own default: `server/discover` first, `initialize` if the server is not modern.
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult, PromptReference, ResourceTemplateReference

MODES = {"auto": "auto", "legacy": "legacy", "modern": "2026-07-28"}
TIMEOUT_SECONDS = 60


REFERENCES = {"ref/prompt": PromptReference, "ref/resource": ResourceTemplateReference}


async def pages(list_page, member: str) -> list:
    entries: list = []
    cursor = None
    while True:
        page = await list_page(cursor=cursor)
        entries += getattr(page, member)
        cursor = page.next_cursor
        if cursor is None:
            return entries


async def ask(client: Client, method: str, params: dict):
    match method:
        case "prompts/list":
            return await pages(client.list_prompts, "prompts")
        case "resources/list":
            return await pages(client.list_resources, "resources")
        case "resources/templates/list":
            return await pages(client.list_resource_templates, "resource_templates")
        case "prompts/get":
            return (await client.get_prompt(params["name"], params["arguments"])).messages
        case "resources/read":
            return (await client.read_resource(params["uri"])).contents
        case "completion/complete":
            reference = REFERENCES[params["ref"]["type"]].model_validate(params["ref"])
            context = params.get("context", {}).get("arguments")
            return (await client.complete(reference, params["argument"], context)).completion
    raise ValueError(f"no such method: {method}")


def as_json(answer):
    """What the SDK made of an answer, in the protocol's words."""
    if isinstance(answer, list):
        return [as_json(entry) for entry in answer]
    return answer.model_dump(mode="json", by_alias=True, exclude_none=True)


def elicitation(job: dict):
    """Accepts every form; without content for it, none, so that the SDK does not declare the capability."""
    if (content := job.get("elicit")) is None:
        return None

    async def accept(context, params):
        return ElicitResult(action="accept", content=content)

    return accept


async def call_tool(client: Client, call: dict) -> dict:
    progress: list = []

    async def on_progress(value, total, message):
        progress.append(value)

    listener = on_progress if call["progress"] else None
    answer = await client.call_tool(call["name"], call["arguments"], progress_callback=listener)
    texts = [block.text for block in answer.content if block.type == "text"]
    return {"isError": answer.is_error or False, "text": "\n".join(texts), "progress": progress}


async def converse(job: dict, result: dict) -> None:
    async with httpx2.AsyncClient(headers=job["headers"], timeout=TIMEOUT_SECONDS) as http_client:
        transport = streamable_http_client(job["url"], http_client=http_client)
        mode = MODES[job.get("era") or "auto"]
        async with Client(transport, mode=mode, elicitation_callback=elicitation(job)) as client:
            result["protocol"] = client.protocol_version
            if job["list"]:
                result["tools"] = sorted(tool.name for tool in await pages(client.list_tools, "tools"))
            if call := job.get("call"):
                result["call"] = await call_tool(client, call)
            for asked in job["ask"]:
                result["answers"].append(as_json(await ask(client, asked["method"], asked["params"])))


def reason(error: BaseException) -> str:
    """The innermost errors: task groups wrap what went wrong once a level."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(reason(inner) for inner in error.exceptions)
    return f"{type(error).__name__}: {error}"


async def run(job: dict) -> dict:
    result = {"name": job["name"], "protocol": None, "tools": None, "call": None, "answers": [], "error": None}
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

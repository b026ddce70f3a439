"""The official Python SDK 1.x as a client, unmodified: jobs and results are those of `python2/client.py`.

It knows `initialize` only, so no job has an `era`; `ask` knows prompts/get and resources/read. The package has the
name of that of 2.x, so it has an environment of its own.
"""

import asyncio
import json
import sys

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult, PaginatedRequestParams

TIMEOUT_SECONDS = 60


async def tool_names(session: ClientSession) -> list:
    names: list = []
    cursor = None
    while True:
        page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor))
        names += [tool.name for tool in page.tools]
        cursor = page.nextCursor
        if cursor is None:
            return sorted(names)


async def ask(session: ClientSession, method: str, params: dict) -> list:
    match method:
        case "prompts/get":
            entries = (await session.get_prompt(params["name"], params["arguments"])).messages
        case "resources/read":
            entries = (await session.read_resource(params["uri"])).contents
        case _:
            raise ValueError(f"no such method: {method}")
    return [entry.model_dump(mode="json", by_alias=True, exclude_none=True) for entry in entries]


def elicitation(job: dict):
    """Accepts every form; without content for it, none, so that the SDK does not declare the capability."""
    if (content := job.get("elicit")) is None:
        return None

    async def accept(context, params):
        return ElicitResult(action="accept", content=content)

    return accept


async def call_tool(session: ClientSession, call: dict) -> dict:
    progress: list = []

    async def on_progress(value, total, message):
        progress.append(value)

    listener = on_progress if call["progress"] else None
    answer = await session.call_tool(call["name"], call["arguments"], progress_callback=listener)
    texts = [block.text for block in answer.content if block.type == "text"]
    return {"isError": answer.isError, "text": "\n".join(texts), "progress": progress}


async def converse(job: dict, result: dict) -> None:
    async with (
        httpx.AsyncClient(headers=job["headers"], timeout=TIMEOUT_SECONDS) as http_client,
        streamable_http_client(job["url"], http_client=http_client) as (read, write, _),
        ClientSession(read, write, elicitation_callback=elicitation(job)) as session,
    ):
        result["protocol"] = (await session.initialize()).protocolVersion
        if job["list"]:
            result["tools"] = await tool_names(session)
        if call := job.get("call"):
            result["call"] = await call_tool(session, call)
        for asked in job["ask"]:
            result["answers"].append(await ask(session, asked["method"], asked["params"]))


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

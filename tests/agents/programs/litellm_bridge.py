"""LiteLLM's own SDK as a client: `load_mcp_tools` in the format of the first argument, and `call_openai_tool`.

As its documentation has it, but for the transport, and for the model, which would say the call that a job says.
"""

import json
import sys

import httpx2
from jobs import TIMEOUT_SECONDS, called, listed, run, texts_of
from litellm import experimental_mcp_client
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

FORMAT = sys.argv[1]


def name_of(tool) -> str:
    return tool["function"]["name"] if FORMAT == "openai" else tool.name


async def converse(job: dict, result: dict) -> None:
    async with (
        httpx2.AsyncClient(headers=job["headers"], timeout=TIMEOUT_SECONDS) as http_client,
        streamable_http_client(job["url"], http_client=http_client) as (read, write),
        ClientSession(read, write) as session,
    ):
        result["protocol"] = (await session.initialize()).protocol_version
        listed(result, map(name_of, await experimental_mcp_client.load_mcp_tools(session=session, format=FORMAT)))
        if call := job["call"]:
            function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
            openai_tool = {"id": "call_1", "type": "function", "function": function}
            answer = await experimental_mcp_client.call_openai_tool(session=session, openai_tool=openai_tool)
            called(result, answer.is_error, texts_of(answer.content))


run(converse)

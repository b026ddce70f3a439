"""fastmcp as a client: it probes for 2026-07-28, as it does by default."""

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from jobs import called, listed, run, texts_of


async def converse(job: dict, result: dict) -> None:
    async with Client(StreamableHttpTransport(job["url"], headers=job["headers"])) as client:
        result["protocol"] = client.protocol_version
        listed(result, (tool.name for tool in await client.list_tools()))
        if call := job["call"]:
            answer = await client.call_tool(call["name"], call["arguments"], raise_on_error=False)
            called(result, answer.is_error, texts_of(answer.content))


run(converse)

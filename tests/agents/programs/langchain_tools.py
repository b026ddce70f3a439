"""langchain-mcp-adapters as a client: the tools as LangChain's own, called as an agent calls them."""

from jobs import called, listed, run
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import convert_mcp_tool_to_langchain_tool
from mcp.types import Tool


def remembered(name: str, connection: dict):
    """A tool that an agent still knows from another day; the list does not have it."""
    tool = Tool(name=name, inputSchema={"type": "object"})
    return convert_mcp_tool_to_langchain_tool(None, tool, connection=connection)


async def converse(job: dict, result: dict) -> None:
    connection = {"transport": "http", "url": job["url"], "headers": job["headers"]}
    tools = {tool.name: tool for tool in await MultiServerMCPClient({"switchboard": connection}).get_tools()}
    listed(result, tools)
    if call := job["call"]:
        tool = tools.get(call["name"]) or remembered(call["name"], connection)
        asked = {"type": "tool_call", "id": "call-1", "name": call["name"], "args": call["arguments"]}
        message = await tool.ainvoke(asked)
        called(result, message.status == "error", (block["text"] for block in message.content_blocks))


run(converse)

"""A server on the Python SDK 2.x, of both eras as the SDK has it: python python.py PORT.

What it offers is what `typescript.cjs` beside it offers. Each answer of `echo` says in which revision it was asked.
"""

import sys
from typing import Annotated

from mcp.server.mcpserver import Context, Elicit, MCPServer, Resolve
from pydantic import BaseModel

server = MCPServer("python")


class Person(BaseModel):
    name: str


async def person() -> Elicit[Person]:
    return Elicit("Who are you?", Person)


@server.tool(structured_output=False)
def echo(message: str, context: Context) -> str:
    return f"Echo: {message} ({context.protocol_version})"


@server.tool(structured_output=False)
async def count(to: int, context: Context) -> str:
    for progress in range(1, to + 1):
        await context.report_progress(progress, to)
    return f"Counted to {to}"


@server.tool(structured_output=False)
def greet(person: Annotated[Person, Resolve(person)]) -> str:
    return f"Hello, {person.name}"


@server.prompt()
def welcome() -> str:
    return "Say welcome."


@server.resource("notes://today")
def notes() -> str:
    return "Nothing today."


server.run("streamable-http", port=int(sys.argv[1]))

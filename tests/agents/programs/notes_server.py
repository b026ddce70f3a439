"""A server on fastmcp over stdio."""

from fastmcp import FastMCP

server = FastMCP("notes")


@server.tool
def add(a: int, b: int) -> int:
    return a + b


@server.tool
def shout(text: str) -> str:
    return text.upper()


server.run(show_banner=False)

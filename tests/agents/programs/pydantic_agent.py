"""pydantic-ai as a client: an agent whose model is a function, with the gateway as its toolset.

A tool that is not listed the framework would not call for a model; that is called on the toolset directly.
"""

from jobs import TIMEOUT_SECONDS, called, listed, run
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel


async def converse(job: dict, result: dict) -> None:
    # Under `error` a refusal is raised as it came, and not put to the model once more. By itself it gives up after five
    # seconds, which a busy machine may need.
    settings = {"tool_error_behavior": "error", "init_timeout": TIMEOUT_SECONDS}
    toolset = MCPToolset(job["url"], headers=job["headers"], **settings)
    call = job["call"]
    told: list = []

    def model(messages, info) -> ModelResponse:
        listed(result, (tool.name for tool in info.function_tools))
        told.extend(part.content for part in messages[-1].parts if isinstance(part, ToolReturnPart))
        if told or call["name"] not in result["tools"]:
            return ModelResponse([TextPart("done")])
        return ModelResponse([ToolCallPart(call["name"], call["arguments"])])

    async with toolset:
        await Agent(FunctionModel(model), toolsets=[toolset]).run("go")
        told = told or [await toolset.direct_call_tool(call["name"], call["arguments"])]
    called(result, False, map(str, told))


run(converse)

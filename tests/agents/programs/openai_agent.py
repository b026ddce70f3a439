"""openai-agents as a client: an agent whose model is scripted, with the gateway as its MCP server.

A tool that is not listed the framework would not call for a model; that is called on the server directly.
"""

import json

from agents import Agent, Model, ModelResponse, RunConfig, Runner, Usage
from agents.mcp import MCPServerStreamableHttp
from jobs import TIMEOUT_SECONDS, called, listed, run, texts_of
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText


class Scripted(Model):
    """Calls one tool, and then repeats what it was told."""

    def __init__(self, call: dict):
        self.call = call
        self.offered: list = []
        self.told: list = []

    async def get_response(self, system_instructions, input, model_settings, tools, *further, **named):
        self.offered = [tool.name for tool in tools]
        self.told = [item["output"] for item in input if item.get("type") == "function_call_output"]
        if self.told:
            text = ResponseOutputText(type="output_text", text="done", annotations=[])
            said = ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[text])
        else:
            name, arguments = self.call["name"], json.dumps(self.call["arguments"])
            said = ResponseFunctionToolCall(type="function_call", call_id="1", name=name, arguments=arguments)
        return ModelResponse(output=[said], usage=Usage(), response_id=None)

    def stream_response(self, *arguments, **named):
        raise NotImplementedError("nothing here streams")


async def converse(job: dict, result: dict) -> None:
    # By itself it gives up after five seconds, which a busy machine may need.
    params = {"url": job["url"], "headers": job["headers"], "timeout": TIMEOUT_SECONDS}
    async with MCPServerStreamableHttp(params, client_session_timeout_seconds=TIMEOUT_SECONDS) as server:
        names = [tool.name for tool in await server.list_tools()]
        listed(result, names)
        call = job["call"]
        if call and call["name"] in names:
            model = Scripted(call)
            agent = Agent(name="tester", model=model, mcp_servers=[server])
            await Runner.run(agent, "go", run_config=RunConfig(tracing_disabled=True))
            listed(result, model.offered)
            called(result, False, (block["text"] for told in model.told for block in told))
        elif call:
            answer = await server.call_tool(call["name"], call["arguments"])
            called(result, answer.is_error, texts_of(answer.content))


run(converse)

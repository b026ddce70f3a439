"""What the clients beside it share: reads a JSON list of jobs on stdin and prints one JSON line a job.

A job:    {name, url, headers, list, call: {name, arguments} | null}
A result: {name, protocol: null, tools: [sorted names] | null, call: {isError, text, progress: []} | null,
           answers: [], error: string | null}

A client is a coroutine of a job and its result, which it fills by `listed` and `called`.
"""

import asyncio
import json
import sys

TIMEOUT_SECONDS = 60


def listed(result: dict, names) -> None:
    """Notes what the client says there is."""
    result["tools"] = sorted(names)


def called(result: dict, is_error: bool, texts) -> None:
    """Notes what the client makes of a tool's answer: whether it failed, and its texts."""
    result["call"] = {"isError": bool(is_error), "text": "\n".join(texts), "progress": []}


def texts_of(content) -> list:
    """The texts among the blocks of a result, as the official SDK has them."""
    return [block.text for block in content if block.type == "text"]


def reason(error: BaseException) -> str:
    """The innermost errors: task groups wrap what went wrong once a level."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(reason(inner) for inner in error.exceptions)
    return f"{type(error).__name__}: {error}"


async def answer(job: dict, converse) -> dict:
    result = {"name": job["name"], "protocol": None, "tools": None, "call": None, "answers": [], "error": None}
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await converse(job, result)
    except Exception as error:
        result["error"] = reason(error)
    return result


def run(converse) -> None:
    """Does all jobs, one after the other."""

    async def all_of_them() -> None:
        for job in json.load(sys.stdin):
            print(json.dumps(await answer(job, converse)), flush=True)

    asyncio.run(all_of_them())

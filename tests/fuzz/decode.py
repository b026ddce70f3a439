"""Reads each line of stdin (a body in base64) as Python's json does and tells who is called. See decoder.rs.

With --first, the first of two equal keys stands, as in some other decoders."""

import base64
import json
import struct
import sys


def text(value):
    return "s" + base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()


def field(value):
    if value is None:
        return "-"
    if isinstance(value, str):
        return text(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = float("inf") if value > 0 else float("-inf")
        return "n" + struct.pack(">d", number + 0.0).hex()
    return "?"


def arguments(value):
    if value is None:
        return "-"
    if not isinstance(value, dict):
        return "?"
    return "k" + ",".join(sorted(text(key) for key in value))


def call(message):
    if not isinstance(message, dict):
        return "?"
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    fields = [message.get("id"), message.get("method"), params.get("name")]
    members = params.get("arguments")
    mirrored = members.get("name") if isinstance(members, dict) else None
    return " ".join([*map(field, fields), arguments(members), field(mirrored)])


def first_wins(pairs):
    return dict(reversed(pairs))


def answer(body, hook):
    try:
        decoded = json.loads(body, object_pairs_hook=hook)
    except (ValueError, RecursionError):
        return "refused"
    messages = decoded if isinstance(decoded, list) else [decoded]
    return "|".join(map(call, messages))


hook = first_wins if "--first" in sys.argv else None
for line in sys.stdin:
    print(answer(base64.b64decode(line), hook))

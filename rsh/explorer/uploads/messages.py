"""Messages between the dashboard's kernel and the process that encodes images: JSON, then bytes.

A message is two lengths of four bytes, a JSON object, and a body. Nothing is ever unpickled. An
invalid message raises EOFError, like a closed connection.
"""

import asyncio
import json
import struct
from typing import Any, BinaryIO

_LENGTHS = struct.Struct(">II")
_MAX_LENGTHS = (1 << 20, 1 << 26)  # bytes of the object, and of the body
THUMB = "thumb:"  # before the composite of a thumbnail in an answer; "" is the default
Message = tuple[dict[str, Any], bytes]


def packed_message(head: dict[str, Any], body: bytes = b"") -> bytes:
    """Return the bytes of a message."""
    text = json.dumps(head).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


def read_message(stream: BinaryIO) -> Message:
    """Read a message.

    Raises:
        EOFError: the connection is closed, or the message is invalid.
    """
    lengths = _checked(_exactly(stream, _LENGTHS.size))
    text, body = (_exactly(stream, length) for length in lengths)
    return _object(text), body


async def read_message_async(stream: asyncio.StreamReader) -> Message:
    """Read a message without blocking the event loop.

    Raises:
        EOFError: the connection is closed, or the message is invalid.
    """
    lengths = _checked(await stream.readexactly(_LENGTHS.size))
    text, body = [await stream.readexactly(length) for length in lengths]
    return _object(text), body


def _checked(lengths: bytes) -> tuple[int, int]:
    text, body = _LENGTHS.unpack(lengths)
    if text > _MAX_LENGTHS[0] or body > _MAX_LENGTHS[1]:
        raise EOFError(f"a message of {text} + {body} bytes is too long")
    return text, body


def _object(text: bytes) -> dict[str, Any]:
    try:
        head = json.loads(text)
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict):
        raise EOFError("a message without a JSON object")
    return head


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data

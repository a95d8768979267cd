"""Messages between the page's kernel and the process that encodes pictures: JSON, then bytes.

A message is two lengths of four bytes, a JSON object, and a body. Nothing is ever unpickled.
"""

import asyncio
import json
import struct
from typing import Any, BinaryIO

_LENGTHS = struct.Struct(">II")
Message = tuple[dict[str, Any], bytes]


def packed_message(head: dict[str, Any], body: bytes = b"") -> bytes:
    """Return a message as it is sent."""
    text = json.dumps(head).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


def read_message(stream: BinaryIO) -> Message:
    """Read a message.

    Raises:
        EOFError: the other side is gone.
    """
    text, body = (_exactly(stream, n) for n in _LENGTHS.unpack(_exactly(stream, _LENGTHS.size)))
    return json.loads(text), body


async def read_message_later(stream: asyncio.StreamReader) -> Message:
    """Read a message without keeping anybody waiting.

    Raises:
        asyncio.IncompleteReadError: the other side is gone.
    """
    lengths = _LENGTHS.unpack(await stream.readexactly(_LENGTHS.size))
    text, body = [await stream.readexactly(length) for length in lengths]
    return json.loads(text), body


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data

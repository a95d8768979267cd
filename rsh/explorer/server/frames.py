"""Websocket frames of the dashboard: what they contain, and which a browser may send.

A frame of the protocol `v1.kernel.websocket.jupyter.org` is a table of 8-byte little-endian numbers
(how many offsets, then the offsets), followed by the parts between them: the channel, and the
header, parent header, metadata, content and buffers of a Jupyter message.
https://jupyter-server.readthedocs.io/en/latest/developers/websocket-protocols.html
"""

import itertools
import json
from dataclasses import dataclass
from typing import Any

from rsh.errors import InputError
from rsh.explorer.uploads.client import MAX_BYTES

PROTOCOL = "v1.kernel.websocket.jupyter.org"
MAX_MESSAGE_BYTES = MAX_BYTES + (1 << 20)  # an image, and what is said about it
MAX_BUFFERS = 16  # a widget sends at most one
MAX_JSON_BYTES = 1 << 18  # of one part; a panel sends a few kB
CONTROL = "jupyter.widget.control"  # the target through which a page asks for all widgets' states
_WORD = 8  # bytes of a number in the table
_PARTS = ("channel", "header", "parent header", "metadata", "content")
_FIELDS = ("msg_type", "msg_id", "session")
_METHODS = ("update", "custom", "request_state", "request_states")


@dataclass(frozen=True)
class Frame:
    """A message from a browser.

    Attributes:
        kind: type of the message, such as "comm_msg".
        msg_id: which an answer names.
        session: of the browser's page, which an answer names.
        metadata: of the message.
        content: its fields depend on the type.
        buffers: binary parts, as they stand in the frame.
    """

    kind: str
    msg_id: str
    session: str
    metadata: dict[str, Any]
    content: dict[str, Any]
    buffers: list[memoryview]

    @property
    def comm_id(self) -> str:
        """Id of the widget or control channel that the message is about."""
        return str(self.content.get("comm_id"))


def read_frame(frame: str | bytes) -> Frame:
    """Read a frame that may come from anyone.

    Raises:
        InputError: it is text, its offsets are impossible, or a part is no JSON object.
    """
    if isinstance(frame, str):
        raise InputError("a text frame: the protocol has binary frames only")
    view = memoryview(frame)
    channel, *parts = (view[start:end] for start, end in itertools.pairwise(_offsets(frame)))
    if bytes(channel) != b"shell":
        raise InputError(f"channel {bytes(channel[:20])!r}: only the channel 'shell' is open")
    objects = [_object(part, name) for part, name in zip(parts, _PARTS[1:], strict=False)]
    header, _, metadata, content = objects
    return Frame(*_names(header), metadata, content, buffers=parts[len(objects) :])


def check_frame(frame: Frame, comm_ids: set[str]) -> None:
    """Check that a message is one that the dashboard's own page sends.

    Args:
        frame: the message.
        comm_ids: ids of the widgets that the kernel has made, and of open control channels.

    Raises:
        InputError: it is of another type, or concerns no widget of the dashboard.
    """
    content = frame.content
    if frame.kind in ("kernel_info_request", "comm_info_request"):
        return
    if not isinstance(content.get("comm_id"), str) or len(frame.comm_id) > 100:
        raise InputError(f"a {frame.kind[:40]} without the id of a widget")
    if frame.kind == "comm_open":
        if content.get("target_name") != CONTROL or frame.buffers:
            raise InputError(f"comm_open of {str(content.get('target_name'))[:40]!r}")
        return
    if frame.kind not in ("comm_msg", "comm_close"):
        raise InputError(f"a message of type {frame.kind[:40]!r}")
    if frame.comm_id not in comm_ids:
        raise InputError("a message to a widget that does not exist")
    data = content.get("data")
    if frame.kind == "comm_msg" and not (isinstance(data, dict) and data.get("method") in _METHODS):
        raise InputError("a comm_msg without a method of widgets")


def _offsets(frame: bytes) -> list[int]:
    count = int.from_bytes(frame[:_WORD], "little")
    least = len(_PARTS) + 1
    if not least <= count <= least + MAX_BUFFERS:
        raise InputError(f"a frame with {count} offsets: {least} to {least + MAX_BUFFERS}")
    table = frame[_WORD : _WORD * (count + 1)]
    words = [table[at : at + _WORD] for at in range(0, _WORD * count, _WORD)]
    offsets = [int.from_bytes(word, "little") for word in words]
    if offsets != sorted(offsets) or (offsets[0], offsets[-1]) != (
        _WORD * (count + 1),
        len(frame),
    ):
        raise InputError(f"a frame of {len(frame)} bytes whose offsets do not fit")
    return offsets


def _names(header: dict[str, Any]) -> tuple[str, str, str]:
    match [header.get(name) for name in _FIELDS]:
        case [str(kind), str(msg_id), str(session)] if (
            max(map(len, (kind, msg_id, session))) <= 200
        ):
            return kind, msg_id, session
    raise InputError(f"the header has no short text for each of {', '.join(_FIELDS)}")


def _object(part: memoryview, name: str) -> dict[str, Any]:
    if len(part) > MAX_JSON_BYTES:
        raise InputError(f"the {name} has {len(part)} bytes: at most {MAX_JSON_BYTES}")
    try:
        value = json.loads(str(part, "utf-8"))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InputError(f"the {name} is no JSON object")
    return value

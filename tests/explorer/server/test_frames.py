"""Which websocket frames are read, and which messages a browser may send."""

import json
import struct
import time
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from refusals import refused

from rsh.errors import InputError
from rsh.explorer.server.frames import CONTROL, MAX_BUFFERS, check_frame, read_frame

KNOWN = {"widget-1"}
HEADER = {"msg_id": "1", "msg_type": "comm_msg", "session": "2", "username": "", "version": "5.3"}


def frame(kind="comm_msg", content=None, *, channel="shell", buffers=(), header=None) -> bytes:
    """Return a frame as JupyterLab's client writes it."""
    content = {"comm_id": "widget-1", "data": {"method": "custom"}} if content is None else content
    parts = [header or HEADER | {"msg_type": kind}, {}, {}, content]
    return serialize_msg_to_ws_v1([json.dumps(p).encode() for p in parts] + list(buffers), channel)


def table(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


@given(st.binary(max_size=40), st.lists(st.binary(max_size=40), max_size=MAX_BUFFERS))
def test_a_frame_reads_as_jupyter_reads_it(text, buffers):
    content = {"comm_id": "widget-1", "data": {"method": "custom", "content": text.hex()}}
    raw = frame(content=content, buffers=buffers)
    read = read_frame(raw)
    check_frame(read, KNOWN)
    channel, parts = deserialize_msg_from_ws_v1(raw)
    assert channel == "shell"
    header, parent, metadata, said = map(json.loads, parts[:4])
    assert (header["msg_type"], header["msg_id"], header["session"]) == ("comm_msg", "1", "2")
    assert (read.kind, read.msg_id, read.session) == ("comm_msg", "1", "2")
    assert (metadata, said) == (read.metadata, read.content) and parent == {}
    assert parts[4:] == read.buffers == buffers


WELL = frame()
IMPOSSIBLE = {
    "nothing": b"",
    "the frame that ended the service": b"\xff" * 8,
    "no offsets": table(0),
    "offsets beyond the frame": table(6, 56, 60, 70, 80, 90, 2**40),
    "descending offsets": table(6, 56, 50, 40, 30, 20, 56),
    "a table that is cut short": WELL[:30],
    "bytes after the last part": WELL + b"x",
    "too many buffers": frame(buffers=[b""] * (MAX_BUFFERS + 1)),
    "text": WELL.decode("latin-1"),
    "another channel": frame(channel="control"),
    "a header that is a list": frame(header=["comm_msg"]),
    "a header without an id": frame(header={"msg_type": "comm_msg"}),
    "a header with a list": frame(header=HEADER | {"session": ["2"]}),
    "a header with a long text": frame(header=HEADER | {"session": "2" * 201}),
    "a header that is no JSON": WELL.replace(b'"msg_type"', b'"msg_type\xff'),
    "deep brackets": frame().replace(b"{}", b"[["),
    "content larger than any panel sends": frame(
        content={"comm_id": "widget-1", "data": {"method": "custom", "content": "x" * (1 << 18)}}
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_an_impossible_frame_is_refused_at_once(name):
    started = time.process_time()
    with refused():
        read_frame(IMPOSSIBLE[name])
    assert time.process_time() - started < 1  # the old reader never came back


@given(
    st.binary(max_size=300)
    | st.builds(
        lambda at, byte: WELL[:at] + byte + WELL[at + 1 :],
        st.integers(0, len(WELL)),
        st.binary(min_size=1, max_size=1),
    )
)
@example(b"\xff" * 8)
@example(table(2**63) + b"\0" * 64)
def test_any_bytes_are_a_frame_or_refused(raw):
    tracemalloc.start()
    try:
        check_frame(read_frame(raw), KNOWN)
    except InputError:
        pass
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 1 << 20


UNWELCOME = {
    "run code": ("execute_request", {"code": "1", "silent": False}),
    "shutdown": ("shutdown_request", {"restart": False}),
    "open a widget": (
        "comm_open",
        {"comm_id": "x", "target_name": "jupyter.widget", "data": {"state": {}}},
    ),
    "no id": ("comm_msg", {"data": {"method": "update"}}),
    "an id that is a list": ("comm_msg", {"comm_id": ["widget-1"], "data": {"method": "update"}}),
    "a widget that does not exist": ("comm_msg", {"comm_id": "no", "data": {"method": "update"}}),
    "a method that is none": ("comm_msg", {"comm_id": "widget-1", "data": {"method": "eval"}}),
    "a method that is a list": ("comm_msg", {"comm_id": "widget-1", "data": {"method": ["x"]}}),
    "data that is a text": ("comm_msg", {"comm_id": "widget-1", "data": "update"}),
}


@pytest.mark.parametrize("name", UNWELCOME)
def test_a_message_that_no_panel_sends_is_refused(name):
    kind, content = UNWELCOME[name]
    with refused():
        check_frame(read_frame(frame(kind, content)), KNOWN)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("kernel_info_request", {}),
        ("comm_info_request", {"target_name": "jupyter.widget"}),
        ("comm_open", {"comm_id": "new", "target_name": CONTROL, "data": {}}),
        ("comm_msg", {"comm_id": "widget-1", "data": {"method": "update", "state": {}}}),
        ("comm_close", {"comm_id": "widget-1", "data": {}}),
    ],
)
def test_what_a_page_says_passes(kind, content):
    check_frame(read_frame(frame(kind, content)), KNOWN)


def test_of_a_doubled_key_the_last_counts():
    header = json.dumps(HEADER).encode().replace(b"{", b'{"msg_type": "execute_request", ')
    content = json.dumps({"comm_id": "widget-1", "data": {"method": "custom"}}).encode()
    raw = serialize_msg_to_ws_v1([header, b"{}", b"{}", content], "shell")
    assert read_frame(raw).kind == "comm_msg"  # and the kernel gets a header with this alone

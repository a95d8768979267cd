"""A visitor of the dashboard without a browser, who can send any frame."""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect

PROTOCOL = "v1.kernel.websocket.jupyter.org"
PATIENCE = 60.0  # seconds for an answer; slower is as bad as none
Message = dict[str, Any]


async def get(url: str, **options: Any) -> HTTPResponse:
    """Request an address; an answer of any status is an answer."""
    options = {"request_timeout": PATIENCE, "follow_redirects": False} | options
    return await AsyncHTTPClient(force_instance=True).fetch(
        HTTPRequest(url, **options), raise_error=False
    )


async def get_in_turn(url: str, **options: Any) -> HTTPResponse:
    """Request an address again as long as nginx says that this was too often."""
    end = time.monotonic() + 2 * PATIENCE
    while (answer := await get(url, **options)).code == 429 and time.monotonic() < end:
        await asyncio.sleep(2)
    return answer


class Visitor:
    """One visitor with a kernel.

    Attributes:
        url: of the dashboard.
        cookie: what the server gave to remember the visitor by.
        kernel_id: of the visitor's kernel.
        widgets: ids of the page's widgets, by the name of their class.
        session: id of the websocket.
    """

    def __init__(self, url: str, cookie: str, kernel_id: str) -> None:
        """Take what `come` has found; not connected yet."""
        self.url, self.cookie, self.kernel_id = url, cookie, kernel_id
        self.widgets: dict[str, str] = {}
        self.session = uuid.uuid4().hex
        self._socket: WebSocketClientConnection | None = None

    @classmethod
    async def come(cls, url: str, token: str = "", *, connect: bool = True) -> "Visitor":
        """Open the page and connect as its script does; who comes too often waits for nginx."""
        cookie = ""
        if token:
            first = await get_in_turn(f"{url}?token={token}")
            cookie = first.headers["Set-Cookie"].partition(";")[0]
        answer = await get_in_turn(url, headers={"Cookie": cookie} if cookie else {})
        assert answer.code == 200, f"the page answers {answer.code}"
        cookie = cookie or answer.headers.get("Set-Cookie", "").partition(";")[0]
        found = re.search(r'"kernelId":\s*"([^"]+)"', answer.body.decode())
        assert found, "a page without a kernel"
        visitor = cls(url, cookie, found[1])
        if connect:
            await visitor.connect()
        return visitor

    async def connect(
        self, *, protocols: tuple[str, ...] = (PROTOCOL,), headers: Mapping[str, str] | None = None
    ) -> None:
        """Open the websocket."""
        address = re.sub("^http", "ws", self.url)
        address += f"api/kernels/{self.kernel_id}/channels?session_id={self.session}"
        request = HTTPRequest(address, headers={"Cookie": self.cookie, **(headers or {})})
        self._socket = await websocket_connect(
            request, subprotocols=list(protocols), max_message_size=1 << 28
        )

    @property
    def socket(self) -> WebSocketClientConnection:
        """The open websocket."""
        assert self._socket, "not connected"
        return self._socket

    async def send(self, frame: bytes | str) -> None:
        """Send a frame as it is."""
        await self.socket.write_message(frame, binary=isinstance(frame, bytes))

    def frame(
        self,
        kind: str,
        content: Any,
        *,
        buffers: tuple[bytes, ...] = (),
        channel: str = "shell",
        version: str = "1.0.0",
    ) -> bytes:
        """Return the frame of a message; content may be bytes as they are."""
        header = {"msg_id": uuid.uuid4().hex, "username": "", "session": self.session}
        header |= {"msg_type": kind, "version": "5.3", "date": "2026-01-01T00:00:00Z"}
        objects: tuple[Any, ...] = (header, {}, {"version": version}, content)
        parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in objects]
        raw: bytes = serialize_msg_to_ws_v1([*parts, *buffers], channel)
        return raw

    async def say(self, kind: str, content: Any, **options: Any) -> None:
        """Send a message."""
        await self.send(self.frame(kind, content, **options))

    async def custom(self, panel: str, data: Any, *buffers: bytes) -> None:
        """Send a panel what its script would send."""
        content = {"comm_id": self.widgets[panel], "data": {"method": "custom", "content": data}}
        await self.say("comm_msg", content, buffers=buffers)

    async def hear(self, seconds: float = PATIENCE) -> Message | None:
        """Return the next message, or None if the socket is closed or nothing came."""
        try:
            frame = await asyncio.wait_for(self.socket.read_message(), seconds)
        except TimeoutError:
            return None
        if not isinstance(frame, bytes):
            return None
        channel, parts = deserialize_msg_from_ws_v1(frame)
        header, _, _, content = map(json.loads, parts[:4])
        return {"channel": channel, "kind": header["msg_type"], "content": content}

    async def learn(self) -> None:
        """Ask for the states of all widgets, as a page does when it opens."""
        control = uuid.uuid4().hex
        opening = {"comm_id": control, "target_name": "jupyter.widget.control", "data": {}}
        await self.say("comm_open", opening)
        await self.say("comm_msg", {"comm_id": control, "data": {"method": "request_states"}})
        while message := await self.hear():
            data = message["content"].get("data", {})
            if isinstance(data, dict) and data.get("method") == "update_states":
                for comm_id, widget in data["states"].items():
                    name = str(widget["state"].get("_anywidget_id", "")).rpartition(".")[2]
                    self.widgets[name or comm_id] = comm_id
                return
        raise AssertionError("no states of widgets came")

    async def click(self) -> float:
        """Ask for a random tile; return the seconds until the page has its answer.

        The cards may stay: two tiles can have one code.
        """
        started = time.monotonic()
        await self.custom("ControlsPanel", {"kind": "random"})
        while message := await self.hear():
            if message["content"].get("data") == {"method": "custom", "content": {"kind": "idle"}}:
                return time.monotonic() - started
        return PATIENCE

    async def farewell(self) -> None:
        """Leave as a browser does that closes the tab: the kernel ends."""
        self.leave()
        url = f"{self.url}voila/api/shutdown/{self.kernel_id}"
        await get(url, method="POST", body=b"", headers={"Cookie": self.cookie})

    def leave(self) -> None:
        """Close the socket, without a farewell."""
        if self._socket:
            self._socket.close()

"""The websocket between a visitor's browser and the kernel: what may pass, and how fast."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from tornado.iostream import StreamBufferFullError
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError
from traitlets import Bool

from rsh.errors import InputError
from rsh.explorer.server.frames import MAX_MESSAGE_BYTES, PROTOCOL, check_frame, read_frame

# What a kernel says to a browser. Errors and printed lines would show folders and source code.
OUTGOING = frozenset(
    ["comm_open", "comm_msg", "comm_close", "status", "kernel_info_reply", "comm_info_reply"]
)
MAX_SOCKETS = 2  # of one kernel: a page, and the same page when it connects again
MAX_UNANSWERED = 20  # messages that wait in a kernel
MAX_UNREAD_BYTES = 64 << 20  # that wait for a visitor; all states of a page are a third of it
SESSION_ID = re.compile(r"[\w.-]{1,100}", re.ASCII)
ANSWER_SECONDS = 60.0  # after which a kernel that says nothing gets the next message anyway
MAX_COMMS = 2000  # of one kernel; a page has about 100
UNSUPPORTED = 1003  # close code of RFC 6455: data that cannot be accepted
# A dragged slider sends about 60 messages per second. An image of the largest size passes at once.
MESSAGES = (100.0, 400.0)  # per second, and at once
BYTES = (4.0 * 2**20, 2.0 * MAX_MESSAGE_BYTES)
_LOG = logging.getLogger("rsh.server")


class Allowance:
    """A bucket that empties as a visitor sends, and fills again with time.

    Who sends more waits, and is not cut off: the socket is not read meanwhile, so the sender's
    own machine holds what is left.
    """

    def __init__(self, rate: float, burst: float) -> None:
        """Allow `rate` units per second, and `burst` at once."""
        self._rate, self._burst = rate, burst
        self._left, self._at = burst, time.monotonic()

    async def spend(self, amount: float) -> None:
        """Take units, and wait until they have been filled in again."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - amount
        self._at = now
        if self._left < 0:
            await asyncio.sleep(-self._left / self._rate)


@dataclass
class Backlog:
    """What a kernel has not answered yet, whichever socket it came by.

    Attributes:
        msg_ids: of the messages.
        has_room: set as soon as further messages may be sent.
    """

    msg_ids: set[str] = field(default_factory=set)
    has_room: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_full(self) -> bool:
        """Whether the next message has to wait."""
        return len(self.msg_ids) >= MAX_UNANSWERED

    def answered(self, msg_ids: Iterable[str]) -> None:
        """Note that messages were answered, or will not be."""
        self.msg_ids.difference_update(msg_ids)
        if not self.is_full:
            self.has_room.set()


class PageConnection(ZMQChannelsWebsocketConnection):
    """Passes on what the dashboard's page and its kernel say to each other, and nothing else."""

    _is_counted = Bool(help="whether the kernel's connections include this one")
    _is_closed = Bool()
    # Of each kernel.
    _known: ClassVar[WeakKeyDictionary[Any, set[str]]] = WeakKeyDictionary()
    _backlogs: ClassVar[WeakKeyDictionary[Any, Backlog]] = WeakKeyDictionary()

    @property
    def comm_ids(self) -> set[str]:
        """Ids of the kernel's widgets, and of open control channels."""
        return self._known.setdefault(self.kernel_manager, set())

    @property
    def backlog(self) -> Backlog:
        """What the kernel has not answered yet."""
        return self._backlogs.setdefault(self.kernel_manager, Backlog())

    def connect(self) -> asyncio.Future[None] | None:  # type: ignore[override]
        """Connect to the kernel, which counts as having a visitor from now on."""
        self._is_counted = True
        socket: Any = self.websocket_handler
        socket.arrived()
        return super().connect()

    def disconnect(self) -> None:  # type: ignore[override]
        """Disconnect, and count this connection out exactly once."""
        if self._is_closed:
            return
        self._is_closed = True
        if not self._is_counted:  # it was closed before it was made
            self.multi_kernel_manager.notify_connect(self.kernel_id)
        super().disconnect()

    async def wait_for_room(self) -> None:
        """Wait until the kernel has worked through most of what it was sent.

        So no visitor can leave a kernel with work for minutes.
        """
        backlog = self.backlog
        while backlog.is_full:
            backlog.has_room.clear()
            try:
                await asyncio.wait_for(backlog.has_room.wait(), ANSWER_SECONDS)
            except TimeoutError:
                backlog.answered(set(backlog.msg_ids))

    def handle_incoming_message(self, incoming_msg: str | bytes) -> None:
        """Pass a browser's message to the kernel, unless the dashboard's page never sends such.

        A message to a widget that has just been closed is dropped, too, so the socket stays open.

        Raises:
            InputError: the frame cannot be read.
        """
        frame = read_frame(incoming_msg)
        try:
            check_frame(frame, self.comm_ids)
        except InputError as error:
            _LOG.info("a visitor's message was dropped: %s", error)
            return
        # Closed meanwhile; or a message that waits already, since a page repeats no id.
        if not self.channels or frame.msg_id in self.backlog.msg_ids:
            return
        if frame.kind == "comm_open":
            if len(self.comm_ids) >= MAX_COMMS:
                return
            self.comm_ids.add(frame.comm_id)
        # The message is written again, so that the kernel reads exactly what was checked.
        header = self.session.msg_header(frame.kind)
        header |= {"msg_id": frame.msg_id, "session": frame.session}
        parts: tuple[dict[str, Any], ...] = (header, {}, frame.metadata, frame.content)
        try:
            message = [*map(self.session.pack, parts), *frame.buffers]
        except (ValueError, RecursionError) as error:  # half a character, or too deeply nested
            raise InputError("a message that cannot be written again") from error
        self.backlog.msg_ids.add(frame.msg_id)
        # An image is not copied once more.
        self.session.send_raw(self.channels["shell"], message, copy=not frame.buffers)

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
        """Pass a kernel's message to the browser, unless it is of a type that tells too much."""
        parts: list[bytes]
        _, parts = self.session.feed_identities(outgoing_msg, copy=True)  # type: ignore[assignment]
        header = json.loads(parts[1])
        kind = header["msg_type"]
        if kind not in OUTGOING:
            return
        # Most messages only bring new states, which are large.
        if kind.startswith("comm_") and (kind != "comm_msg" or b"update_states" in parts[4]):
            self._learn(kind, json.loads(parts[4]))
        elif kind == "status" and json.loads(parts[4])["execution_state"] == "idle":
            self.backlog.answered([json.loads(parts[2]).get("msg_id", "")])
        try:
            super().handle_outgoing_message(stream, outgoing_msg)
        except WebSocketClosedError:  # the visitor left meanwhile
            return
        except StreamBufferFullError:
            _LOG.warning("a visitor's connection was closed: its answers are not read")
            socket: Any = self.websocket_handler
            socket.cut_off()

    def _learn(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "comm_open":
            self.comm_ids.add(content["comm_id"])
        elif kind == "comm_close":
            self.comm_ids.discard(content["comm_id"])
        elif kind == "comm_info_reply":
            self.comm_ids.update(content["comms"])
        elif content["data"].get("method") == "update_states":
            self.comm_ids.update(content["data"]["states"])


class PageSocket(KernelWebsocketHandler):
    """The websocket of a page: it reads no faster than a visitor may send."""

    def initialize(self) -> None:
        """Start with full allowances."""
        super().initialize()
        self._messages, self._bytes = Allowance(*MESSAGES), Allowance(*BYTES)

    async def pre_get(self) -> None:
        """Check the protocol and the kernel before the connection is made.

        Raises:
            HTTPError: 400, the protocol is another, or the session id is none; 404, there is no
                such kernel; 429, it has enough connections.
        """
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        if PROTOCOL not in map(str.strip, offered):
            raise HTTPError(400)
        if not SESSION_ID.fullmatch(self.get_argument("session_id", "")):
            raise HTTPError(400)
        if self.kernel_id not in self.kernel_manager:
            raise HTTPError(404)
        kernels: Any = self.kernel_manager
        if kernels.connections(self.kernel_id) >= MAX_SOCKETS:
            raise HTTPError(429)
        kernels.arriving.add(self)
        await super().pre_get()

    async def get(self, kernel_id: str) -> None:
        """Make the connection, and stay until it ends."""
        try:
            await super().get(kernel_id)
        finally:
            self.arrived()

    def arrived(self) -> None:
        """Count the socket no longer among those that are about to connect."""
        kernels: Any = self.kernel_manager
        kernels.arriving.discard(self)

    async def open(self, kernel_id: str) -> None:
        """Connect to the kernel; if that fails, count the socket out, which Tornado does not."""
        stream: Any = self.ws_connection and self.ws_connection.stream
        stream.max_write_buffer_size = MAX_UNREAD_BYTES
        try:
            await super().open(kernel_id)
        except Exception:
            self.on_close()
            raise

    def on_close(self) -> None:
        """Disconnect from the kernel, once."""
        if self.connection:
            super().on_close()

    def cut_off(self) -> None:
        """Close the socket without a word."""
        if self.ws_connection:
            self.ws_connection._abort()

    async def on_message(self, message: str | bytes) -> None:
        """Pass on a message. The next one is read when this one has been."""
        await self._messages.spend(1)
        await self._bytes.spend(len(message))
        if self.connection:
            await self.connection.wait_for_room()
        if self.connection is None:  # closed while it waited
            return
        try:
            self.connection.handle_incoming_message(message)
        except InputError as error:
            _LOG.warning("a visitor's connection was closed: %s", error)
            self.close(UNSUPPORTED, "unreadable message")

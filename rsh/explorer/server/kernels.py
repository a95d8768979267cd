"""Kernels of the dashboard, one process per visitor: their limit, and when they end."""

import asyncio
import logging
import os
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import traitlets
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_server.services.kernels.kernelmanager import (
    AsyncMappingKernelManager,
    ServerKernelManager,
)
from tornado.web import HTTPError

GRACE = 20.0  # seconds without a connection after which a kernel may end to make room
MAX_KEPT_BYTES = 32 << 20  # that wait for a visitor who lost the connection
LOOK_SECONDS = 0.2  # between two looks at a kernel that has ended before it was ready
_LOG = logging.getLogger("rsh.server")


class PageClient(AsyncKernelClient):
    """What runs the notebook in a kernel before its visitor comes."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers; one that ends before is started again meanwhile.

        A kernel that does not answer in time is ended. That raises no error here, since Voila
        would let the visitor wait forever: the cell fails instead, and its output says so.
        """
        end = monotonic() + (timeout or float("inf"))
        while (left := end - monotonic()) > 0:
            try:
                return await super().wait_for_ready(left)
            except RuntimeError:  # it has ended, or said nothing
                await asyncio.sleep(LOOK_SECONDS)
        _LOG.error("a kernel did not answer within %s s: its visitor is asked to reload", timeout)
        kernel: Any = self.parent
        await kernel.shutdown_kernel(now=True)
        kernel.execution_state = "dead"  # so that its place is given to another visitor


class PageKernel(ServerKernelManager):
    """A kernel behind sockets in a folder that only the server's user can enter.

    TCP ports are chosen before the kernel takes them, and it ends if another program of this
    machine, often another kernel, has taken one meanwhile.
    """

    client_factory = traitlets.Type(PageClient)

    async def _async_interrupt_kernel(self) -> None:
        """Do nothing: jupyter_client would interrupt a kernel before it asks it to end.

        What a busy kernel does is then broken off wherever it is. It may answer after it has
        closed its sockets, and its processes are interrupted as well: tracebacks in the log.
        """

    @property
    def _sockets(self) -> str:
        """How the names of its sockets begin; systems allow about 100 characters."""
        file = Path(self.connection_file)
        return str(file.with_name(file.stem[-12:]))

    def _ip_default(self) -> str:
        return self._sockets if self.transport == "ipc" else super()._ip_default()

    @traitlets.default("transport")
    def _choose_transport(self) -> str:
        longest = os.fsencode(f"{self._sockets}-5")
        return "ipc" if zmq.has("ipc") and len(longest) <= zmq.IPC_PATH_MAX_LEN else "tcp"

    @traitlets.default("transport_encryption")
    def _choose_encryption(self) -> str:  # other users could read what passes through TCP
        return "auto" if self.transport == "tcp" and zmq.has("curve") else "disabled"


class Kernels(AsyncMappingKernelManager):
    """A limited number of kernels. Only connected visitors keep theirs for good.

    A kernel whose page was delivered, but whose visitor does not connect, ends after
    `arrival_timeout`; one whose visitor has lost the connection, after `cull_idle_timeout`. When
    the server is full, a newcomer gets the place of the visitor who has been absent longest.
    """

    most = traitlets.Int(32, help="kernels at once, including preheated ones", config=True)
    arrival_timeout = traitlets.Float(60, help="seconds until a visitor connects", config=True)

    def __init__(self, **kwargs: Any) -> None:
        """Start without kernels."""
        self.arriving: set[Any] = set()  # websockets that are about to connect
        self._starting: set[str] = set()  # shortly before its start ends, a kernel is also listed
        self._visited: set[str] = set()  # ids; a visitor has connected
        self._absent_since: dict[str, float] = {}  # monotonic time
        super().__init__(**kwargs)

    @traitlets.default("kernel_manager_class")
    def _choose_class(self) -> str:
        return f"{__name__}.PageKernel"

    @property
    def is_full(self) -> bool:
        """Whether the number of kernels has reached the limit."""
        return len(self._starting.union(self.list_kernel_ids())) >= self.most

    def connections(self, kernel_id: str) -> int:
        """Return how many websockets a kernel has, with those that are about to connect."""
        arriving = [socket for socket in self.arriving if socket.kernel_id == kernel_id]
        return int(self._kernel_connections.get(kernel_id, 0)) + len(arriving)

    def notify_connect(self, kernel_id: str) -> None:
        """Note that a visitor has connected."""
        self._visited.add(kernel_id)
        super().notify_connect(kernel_id)

    def absent_seconds(self, kernel_id: str) -> float:
        """Return for how long a kernel has had no work and no visitor.

        The time counts from the first call at which it is so. A page that is being delivered keeps
        its kernel busy, and a preheated kernel waits for its visitor, not the other way round.
        """
        state = getattr(self.get_kernel(kernel_id), "execution_state", "starting")
        is_waiting = kernel_id in self._starting or kernel_id in self._pooled()
        if is_waiting or self.connections(kernel_id) or state in ("starting", "busy"):
            self._absent_since.pop(kernel_id, None)
            return 0.0
        now = monotonic()
        return now - self._absent_since.setdefault(kernel_id, now)

    async def make_room(self) -> bool:
        """Return whether a further visitor can get a kernel, after ending an absent one's."""
        if not self.is_full:
            return True
        absent = {kernel_id: self.absent_seconds(kernel_id) for kernel_id in self.list_kernel_ids()}
        longest = max(absent, key=lambda kernel_id: absent[kernel_id], default="")
        if not longest or absent[longest] < GRACE:
            return False
        await self.shutdown_kernel(longest)
        return True

    async def start_kernel(self, **how: Any) -> str:  # type: ignore[override]
        """Start a kernel for a visitor, or a preheated one.

        Raises:
            HTTPError: 503, the limit is reached.
        """
        is_preheated = how.get("env", {}).get("VOILA_PREHEAT") == "True"
        if self.is_full and not is_preheated:  # after one failure Voila never refills its pool
            raise HTTPError(503)
        kernel_id: str = how.setdefault("kernel_id", self.new_kernel_id())
        self._starting.add(kernel_id)
        try:
            return await super().start_kernel(**how)
        finally:
            self._starting.discard(kernel_id)

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel that is dead, or whose visitor has been absent for too long."""
        is_dead = getattr(self.get_kernel(kernel_id), "execution_state", "") == "dead"
        is_known = kernel_id in self._visited
        patience = self.cull_idle_timeout if is_known else self.arrival_timeout
        if is_dead or self.absent_seconds(kernel_id) >= patience:
            await self.shutdown_kernel(kernel_id)

    def start_buffering(self, kernel_id: str, session_key: str, channels: dict[str, Any]) -> None:
        """Keep what a kernel says until its visitor comes back; Jupyter sets no limit."""
        super().start_buffering(kernel_id, session_key, channels)
        kept, num_bytes = self._kernel_buffers[kernel_id]["buffer"], 0

        def keep(channel: str, parts: list[bytes]) -> None:
            nonlocal num_bytes
            num_bytes += sum(map(len, parts))
            if num_bytes > MAX_KEPT_BYTES:
                self.stop_buffering(kernel_id)
            else:
                kept.append((channel, parts))

        for channel, stream in channels.items():
            stream.on_recv(partial(keep, channel))

    async def renew_pool(self) -> None:
        """Replace the preheated kernels, whose pages show galleries as they were."""
        for kernel_id in self._pooled():
            await self.shutdown_kernel(kernel_id)
        voila: Any = self  # whose subclass has the pool
        voila.fill_if_needed(delay=0, notebook_name=voila.notebook_path)

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel that has ended."""
        self._visited.discard(kernel_id)
        self._absent_since.pop(kernel_id, None)
        return super().remove_kernel(kernel_id)

    def _pooled(self) -> set[str]:
        """Return the ids of the preheated kernels that wait for a visitor."""
        pools: Any = getattr(self, "_pools", {})  # of Voila's subclass
        waiting = [task for pool in pools.values() for task in pool if task.done()]
        return {task.result()["kernel_id"] for task in waiting if not task.exception()}

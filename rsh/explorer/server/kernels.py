"""Kernels of the dashboard, one process per visitor: their limit, and when they end."""

from collections import Counter
from time import monotonic
from typing import Any

import traitlets
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError

GRACE = 20.0  # seconds without a connection after which a kernel may end to make room


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
        self.arriving: Counter[str] = Counter()  # websockets by kernel id
        self._starting: set[str] = set()  # shortly before its start ends, a kernel is also listed
        self._visited: set[str] = set()  # ids; a visitor has connected
        self._absent_since: dict[str, float] = {}  # monotonic time
        super().__init__(**kwargs)

    @property
    def is_full(self) -> bool:
        """Whether the number of kernels has reached the limit."""
        return len(self._starting.union(self.list_kernel_ids())) >= self.most

    def connections(self, kernel_id: str) -> int:
        """Return how many websockets a kernel has, with those that are about to connect."""
        return int(self._kernel_connections.get(kernel_id, 0)) + self.arriving[kernel_id]

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

    async def renew_pool(self) -> None:
        """Replace the preheated kernels, whose pages show galleries as they were."""
        for kernel_id in self._pooled():
            await self.shutdown_kernel(kernel_id)
        voila: Any = self  # whose subclass has the pool
        voila.fill_if_needed(delay=0, notebook_name=voila.notebook_path)

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel that has ended."""
        self._visited.discard(kernel_id)
        self.arriving.pop(kernel_id, None)
        self._absent_since.pop(kernel_id, None)
        return super().remove_kernel(kernel_id)

    def _pooled(self) -> set[str]:
        """Return the ids of the preheated kernels that wait for a visitor."""
        pools: Any = getattr(self, "_pools", {})  # of Voila's subclass
        waiting = [task for pool in pools.values() for task in pool if task.done()]
        return {task.result()["kernel_id"] for task in waiting if not task.exception()}

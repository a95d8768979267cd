"""Kernels of the dashboard, one process per visitor: their limit, and when idle ones end."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import traitlets
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError


class Kernels(AsyncMappingKernelManager):
    """A limited number of kernels, none of which ends before its visitor has connected.

    Voila does not cull preheated kernels. But a kernel that was preheated long ago counts as idle,
    and has no connection until the visitor's browser has loaded the page. Culling it just then
    would leave that page without Python.
    """

    most = traitlets.Int(32, help="kernels at once, including preheated ones", config=True)
    _starting = traitlets.Set()  # ids; shortly before its start ends, a kernel is also listed
    _seen = traitlets.Set()  # ids checked at least once since they left the pool

    @property
    def is_full(self) -> bool:
        """Whether no further visitor can get a kernel."""
        return len(self._starting.union(self.list_kernel_ids())) >= self.most

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
        """End an idle kernel; at its first check it counts as idle for half the timeout at most.

        Args:
            kernel_id: of a kernel that is not preheated.
        """
        kernel: Any = self.get_kernel(kernel_id)
        if not kernel.trait_has_value("last_activity"):  # it is still starting
            return
        cull: Callable[[str], Awaitable[None]] = super().cull_kernel_if_idle
        if kernel_id not in self._seen:
            half = datetime.now(UTC) - timedelta(seconds=self.cull_idle_timeout / 2)
            kernel.last_activity = max(kernel.last_activity, half)
            self._seen = {*self._seen, kernel_id} & set(self.list_kernel_ids())
        await cull(kernel_id)

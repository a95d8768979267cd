"""The Python processes behind a served page, one a visitor, and when they are let go."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import traitlets
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError


class Kernels(AsyncMappingKernelManager):
    """Kernels of which there are not too many, and none is ended before its visitor is heard.

    Voila spares those that stand ready. But one that has stood ready for long is idle for long, and
    has no connection until its visitor's browser has loaded the page: taken for a forgotten one
    just then, it left that page without Python.
    """

    most = traitlets.Int(32, help="at once, those that stand ready included", config=True)
    _starting = traitlets.Set()  # names; towards the end of its start a kernel is listed as well
    _seen = traitlets.Set()  # names of those that have been looked at since they left the pool

    @property
    def is_full(self) -> bool:
        """Whether there is no place for one more visitor."""
        return len(self._starting.union(self.list_kernel_ids())) >= self.most

    async def start_kernel(self, **how: Any) -> str:  # type: ignore[override]
        """Start a kernel for a visitor, or one that is to stand ready.

        Raises:
            HTTPError: 503, there are as many as there may be.
        """
        stands_ready = how.get("env", {}).get("VOILA_PREHEAT") == "True"
        if self.is_full and not stands_ready:  # the pool is never filled again if it fails once
            raise HTTPError(503)
        name: str = how.setdefault("kernel_id", self.new_kernel_id())
        self._starting.add(name)
        try:
            return await super().start_kernel(**how)
        finally:
            self._starting.discard(name)

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel that is idle; looked at for the first time it is idle for half at most.

        Args:
            kernel_id: its name; Voila asks about none that stands ready.
        """
        kernel: Any = self.get_kernel(kernel_id)
        if not kernel.trait_has_value("last_activity"):  # it is only being started
            return
        cull: Callable[[str], Awaitable[None]] = super().cull_kernel_if_idle
        if kernel_id not in self._seen:
            half = datetime.now(UTC) - timedelta(seconds=self.cull_idle_timeout / 2)
            kernel.last_activity = max(kernel.last_activity, half)
            self._seen = {*self._seen, kernel_id} & set(self.list_kernel_ids())
        await cull(kernel_id)

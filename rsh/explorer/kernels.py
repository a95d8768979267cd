"""The Python processes behind a served page, one a visitor, and when they are let go."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import traitlets
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager


class Kernels(AsyncMappingKernelManager):
    """Kernels of which none is ended between being given to a visitor and hearing from them.

    Voila spares those that stand ready. But one that has stood ready for long is idle for long, and
    has no connection until its visitor's browser has loaded the page: taken for a forgotten one
    just then, it left that page without Python.
    """

    _seen = traitlets.Set()  # names of those that have been looked at since they left the pool

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel that is idle; looked at for the first time it is idle for half at most.

        Args:
            kernel_id: its name; Voila asks about none that stands ready.
        """
        cull: Callable[[str], Awaitable[None]] = super().cull_kernel_if_idle
        if kernel_id not in self._seen:
            kernel: Any = self.get_kernel(kernel_id)
            half = datetime.now(UTC) - timedelta(seconds=self.cull_idle_timeout / 2)
            kernel.last_activity = max(kernel.last_activity, half)
            self._seen = {*self._seen, kernel_id} & set(self.list_kernel_ids())
        await cull(kernel_id)

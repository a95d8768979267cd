"""How the page's kernel ends."""

import atexit
from threading import Thread
from typing import Any

SECONDS = 5.0  # for its last answer


def end_in_order() -> None:
    """Let the kernel that runs this send its last answer before it closes what sends it.

    ipykernel 7.4 closes that first: an answer in between fails with "Socket
    operation on non-socket" and a traceback in the server's log. Does nothing outside a kernel.
    """
    from ipykernel.kernelbase import Kernel

    if Kernel.initialized():
        atexit.register(_finish, Kernel.instance().control_thread)


def _finish(control: Any) -> None:
    thread: Thread = control
    if thread.is_alive():
        control.stop()
    thread.join(SECONDS)

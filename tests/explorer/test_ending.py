"""A kernel that is told to end does so without a word in the server's log."""

import pytest
from jupyter_client.manager import start_new_kernel

# ipykernel says "idle" when a request is done: here so late that the kernel is ending.
LATE = """
def answer_late():
    import time
    from ipykernel.iostream import IOPubThread
    from ipykernel.kernelbase import Kernel

    kernel = Kernel.instance()
    publish = kernel._publish_status_and_flush

    def as_if_alive(thread, send):  # it was when `schedule` looked
        thread._events.append(send)
        thread._event_pipe.send(b"")

    def late(status, channel, *more):
        if kernel._shutdown_message is not None:
            time.sleep(0.5)
            if not kernel.iopub_thread.thread.is_alive():
                IOPubThread.schedule = as_if_alive
        publish(status, channel, *more)

    kernel._publish_status_and_flush = late

answer_late()
"""
ORDERED = "from rsh.explorer.ending import end_in_order; end_in_order()"


@pytest.mark.parametrize(("code", "is_quiet"), [("", False), (ORDERED, True)])
def test_a_kernel_sends_its_last_answer_before_it_closes(tmp_path, code, is_quiet):
    log = tmp_path / "log.txt"
    with log.open("w") as stderr:
        manager, client = start_new_kernel(kernel_name="python3", stderr=stderr)
        reply = client.execute_interactive(LATE + code, timeout=60)
        assert reply["content"]["status"] == "ok"
        client.stop_channels()
        manager.shutdown_kernel()
    assert ("Socket operation on non-socket" not in log.read_text()) == is_quiet
    assert manager.provisioner is None or not manager.has_kernel

"""When the Python behind a page ends, and how long a busy server waits for it."""

import asyncio
import os
import signal
import socket
import tempfile
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import zmq
from in_loop import run
from jupyter_client.connect import LocalPortCache
from tornado.web import HTTPError
from voila.configuration import VoilaConfiguration
from voila.execute import VoilaExecutor

from rsh.explorer.server import kernels
from rsh.explorer.server.access import Access
from rsh.explorer.server.kernels import MAX_KEPT_BYTES, Kernels, PageKernel
from rsh.explorer.server.serve import CULLING, POOL, _config
from rsh.explorer.server.websocket import PageSocket


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still; `clock.now` sets it."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(kernels, "monotonic", lambda: clock.now)
    return clock


async def left_after_looks(tmp_path, clock, seconds, *, was_visited):
    """Start a kernel; whether it is there at looks after so many seconds."""
    manager = Kernels(config=_config(tmp_path, 8866, Access(), 3), root_dir=str(tmp_path))
    name = await manager.start_kernel()
    manager.stop_watching_activity(name)
    manager.get_kernel(name).execution_state = "idle"
    if was_visited:
        manager.notify_connect(name)
        await manager.cull_kernels()
        manager.notify_disconnect(name)
    left = []
    for clock.now in seconds:
        await manager.cull_kernels()
        left.append(name in manager.list_kernel_ids())
    await manager.shutdown_all()
    return left


def test_a_kernel_waits_a_minute_for_its_visitor_from_the_first_look_on(tmp_path, clock):
    left = run(left_after_looks(tmp_path, clock, [9000, 9059, 9061], was_visited=False))
    assert left == [True, True, False]


def test_a_kernel_waits_ten_minutes_for_a_visitor_who_lost_the_connection(tmp_path, clock):
    left = run(left_after_looks(tmp_path, clock, [9000, 9599, 9601], was_visited=True))
    assert left == [True, True, False]


@pytest.mark.parametrize(
    ("state", "connections"), [("busy", 0), ("starting", 0), ("idle", 1), ("idle", 2)]
)
def test_a_kernel_at_work_or_with_a_visitor_does_not_end(tmp_path, clock, state, connections):
    async def look():
        manager = Kernels(config=_config(tmp_path, 8866, Access(), 3), root_dir=str(tmp_path))
        name = await manager.start_kernel()
        manager.stop_watching_activity(name)
        manager.get_kernel(name).execution_state = state
        for _ in range(connections):
            manager.notify_connect(name)
        for clock.now in (0, 5000, 10000):
            await manager.cull_kernels()
        left = manager.list_kernel_ids()
        await manager.shutdown_all()
        return len(left)

    assert run(look()) == 1


@pytest.mark.parametrize(
    ("absent", "connected", "room"),
    [
        ([0, 0, 0], [], False),
        ([19, 5, 0], [], False),
        ([21, 30, 0], [], True),
        ([99] * 3, [0, 1, 2], False),
    ],
)
def test_a_newcomer_gets_the_place_of_who_has_been_absent_longest(
    tmp_path, clock, absent, connected, room
):
    async def come():
        manager = Kernels(config=_config(tmp_path, 8866, Access(), 1), root_dir=str(tmp_path))
        names = [await manager.start_kernel() for _ in range(manager.most)]
        for number, name in enumerate(names):
            manager.stop_watching_activity(name)
            manager.get_kernel(name).execution_state = "idle"
            if number in connected:
                manager.notify_connect(name)
            clock.now = 1000 - absent[number]
            manager.absent_seconds(name)
        clock.now = 1000
        found = await manager.make_room()
        left = [name in manager.list_kernel_ids() for name in names]
        await manager.shutdown_all()
        return found, left

    found, left = run(come())
    assert found == room
    assert left == ([True, False, True] if room else [True] * 3)


async def looked_at_while_it_starts(tmp_path):
    """Look at a kernel at every step of its start; what came of it, and whether it is there."""
    manager = Kernels(config=_config(tmp_path, 8866, Access(), 1), root_dir=str(tmp_path))
    start, looks = asyncio.ensure_future(manager.start_kernel()), []
    while not start.done():
        for name in manager.list_kernel_ids():
            try:
                looks.append(await manager.cull_kernel_if_idle(name))
            except Exception as error:  # not before the start has ended, or it never would
                looks.append(error)
        await asyncio.sleep(0)
    there = await start in manager.list_kernel_ids()
    await manager.shutdown_all()
    return looks, there


def test_a_kernel_may_be_looked_at_while_it_starts(tmp_path):
    looks, there = run(looked_at_while_it_starts(tmp_path))
    assert looks and not any(looks) and there


async def full_house(tmp_path):
    """Start kernels until there are as many as there may be, and one that is to stand ready."""
    manager = Kernels(config=_config(tmp_path, 8866, Access(), 1), root_dir=str(tmp_path))
    starts = [manager.start_kernel() for _ in range(5)]
    found = await asyncio.gather(*starts, return_exceptions=True)
    ready = await manager.start_kernel(env=os.environ | {"VOILA_PREHEAT": "True"})
    count = len(manager.list_kernel_ids())
    await manager.shutdown_all()
    return found, ready, count, manager.is_full


def test_there_are_no_more_kernels_than_there_may_be(tmp_path):
    found, ready, count, still_full = run(full_house(tmp_path))
    names = [one for one in found if isinstance(one, str)]
    refused = [one for one in found if isinstance(one, HTTPError)]
    assert (len(names), len(refused)) == (1 + POOL, 2)
    assert {one.status_code for one in refused} == {503}
    assert ready and count == len(names) + 1 and not still_full


async def full_while_it_starts(tmp_path):
    """Start one kernel fewer than there may be; at which steps of that the house was full."""
    manager = Kernels(config=_config(tmp_path, 8866, Access(), 1), root_dir=str(tmp_path))
    starts = asyncio.gather(*[manager.start_kernel() for _ in range(manager.most - 1)])
    looks = []
    while not starts.done():
        looks.append(manager.is_full)
        await asyncio.sleep(0)
    await manager.start_kernel()
    full = manager.is_full
    await manager.shutdown_all()
    return looks, full


def test_a_kernel_counts_once_while_it_starts(tmp_path):
    looks, full = run(full_while_it_starts(tmp_path))
    assert looks and not any(looks) and full


def test_the_served_page_has_such_kernels(tmp_path):
    config = _config(tmp_path, 8866, Access(), 3)
    assert VoilaConfiguration(config=config).multi_kernel_manager_class is Kernels
    assert config.MappingKernelManager == CULLING


@pytest.fixture
def folder():
    """A folder with a short name, since the names of sockets are limited."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


async def first_answer(folder, *, killed=False):
    """Start a kernel, and wait until its notebook could run; what is to be seen of it then."""
    config = _config(folder, 8866, Access(), 1)
    manager = Kernels(config=config, root_dir=str(folder), connection_dir=str(folder))
    kernel = manager.get_kernel(await manager.start_kernel())
    first = kernel.provisioner.pid
    if killed:
        os.kill(first, signal.SIGKILL)
    client = kernel.client()
    client.start_channels()
    await client.wait_for_ready(60)
    reply = await client.kernel_info(reply=True, timeout=60)
    seen = SimpleNamespace(
        status=reply["content"]["status"],
        is_another=kernel.provisioner.pid != first,
        transport=kernel.transport,
        sockets=[file for file in folder.iterdir() if file.is_socket()],
    )
    client.stop_channels()
    await manager.shutdown_all()
    return seen


def test_a_kernel_needs_no_port(folder, monkeypatch):
    """Ports that another program takes in the wrong moment once let visitors wait forever."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr(LocalPortCache, "find_available_port", lambda *_: taken)
        seen = run(first_answer(folder))
    assert seen.status == "ok" and not seen.is_another


@pytest.mark.skipif(not zmq.has("ipc"), reason="no sockets that are files")
def test_a_kernel_has_sockets_that_are_files(folder):
    seen = run(first_answer(folder))
    assert (seen.transport, len(seen.sockets)) == ("ipc", 5)
    assert list(folder.iterdir()) == []


def test_sockets_whose_names_would_be_too_long_are_ports(folder):
    deep = folder / ("x" * 90)
    deep.mkdir()
    seen = run(first_answer(deep))
    assert (seen.transport, seen.status) == ("tcp", "ok")


def test_a_kernel_that_ends_before_it_is_ready_is_started_again(folder):
    seen = run(first_answer(folder, killed=True))
    assert seen.status == "ok" and seen.is_another


def test_a_kernel_that_never_answers_is_ended_without_an_error(folder):
    """Voila would catch none, and the visitor would wait forever."""

    async def wait():
        config = _config(folder, 8866, Access(), 1)
        manager = Kernels(config=config, root_dir=str(folder), connection_dir=str(folder))
        kernel = manager.get_kernel(await manager.start_kernel())
        os.kill(kernel.provisioner.pid, signal.SIGSTOP)
        client = kernel.client()
        client.start_channels()
        await client.wait_for_ready(0.5)
        client.stop_channels()
        lives = await kernel.is_alive()
        await manager.cull_kernels()
        return lives, manager.list_kernel_ids()

    assert run(wait()) == (False, [])


@pytest.mark.parametrize(("num_bytes", "is_kept"), [(1 << 20, True), (MAX_KEPT_BYTES, False)])
def test_what_an_absent_visitor_is_told_has_a_limit(folder, num_bytes, is_kept):
    async def say():
        config = _config(folder, 8866, Access(), 1)
        manager = Kernels(config=config, root_dir=str(folder), connection_dir=str(folder))
        name = await manager.start_kernel()
        stream = manager.get_kernel(name).connect_iopub()
        manager.start_buffering(name, "a visitor", {"iopub": stream})
        for part in (b"first", bytes(num_bytes)):
            stream._recv_callback([part])
        closed, kept = stream.closed(), manager.get_buffer(name, "a visitor")
        stream.close()
        await manager.shutdown_all()
        return closed, kept and len(kept["buffer"])

    assert run(say()) == ((False, 2) if is_kept else (True, None))


def test_a_socket_whose_kernel_ends_meanwhile_leaves_no_count(folder):
    manager = Kernels(config=_config(folder, 8866, Access(), 1), root_dir=str(folder))
    socket = PageSocket.__new__(PageSocket)
    socket.kernel_id, socket.application = (
        "a",
        SimpleNamespace(settings={"kernel_manager": manager}),
    )
    manager.arriving.add(socket)
    assert (manager.connections("a"), manager.connections("b")) == (1, 0)
    for _ in range(2):  # by `connect`, and again at its end
        socket.arrived()
        assert manager.connections("a") == 0


def test_a_busy_server_waits_for_the_output_and_says_so_if_it_gives_up(tmp_path):
    executor = VoilaExecutor(
        nbformat.v4.new_notebook(), config=_config(tmp_path, 8866, Access(), 3)
    )
    assert executor.iopub_timeout >= 60 and executor.raise_on_iopub_timeout
    cell = nbformat.v4.new_code_cell()
    executor.show_code_cell_timeout(cell)
    assert "reload the page" in cell.outputs[0]["traceback"][0]


BUSY = """
import subprocess, sys, time
script = "import signal, sys, time; print('ready', flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
child.stdout.readline()
print("busy", flush=True)
time.sleep(1)
child.wait()
"""


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_busy_kernel_ends_without_a_word_in_the_log(tmp_path, monkeypatch, is_interrupted):
    if is_interrupted:  # as Jupyter's managers do
        monkeypatch.delattr(PageKernel, "_async_interrupt_kernel")

    async def end() -> None:
        manager = PageKernel(kernel_name="python3", connection_file=str(tmp_path / "k.json"))
        with (tmp_path / "log.txt").open("w") as log:
            await manager.start_kernel(stderr=log)
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(60)
        client.execute(BUSY)
        while (await client.get_iopub_msg(60))["content"].get("text") != "busy\n":
            pass
        client.stop_channels()
        await manager.shutdown_kernel()

    run(end())
    assert ("Traceback" in (tmp_path / "log.txt").read_text()) == is_interrupted

"""When the Python behind a page ends, and how long a busy server waits for it."""

import asyncio
import os
from datetime import timedelta

import nbformat
from in_loop import run
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from voila.configuration import VoilaConfiguration
from voila.execute import VoilaExecutor

from rsh.explorer.server.access import Access
from rsh.explorer.server.kernels import Kernels
from rsh.explorer.server.serve import CULLING, POOL, _config


async def left_after_looks(kind, tmp_path, idle):
    """Start a kernel; how many are there after looks at which it has been idle for so long."""
    manager = kind(config=_config(tmp_path, 8866, Access(), 3), root_dir=str(tmp_path))
    name = await manager.start_kernel()
    kernel, left = manager.get_kernel(name), []
    manager.stop_watching_activity(name)  # its own start is no visitor
    for minutes in idle:
        kernel.last_activity -= timedelta(minutes=minutes)
        await manager.cull_kernels()
        left.append(len(manager.list_kernel_ids()))
    await manager.shutdown_all()
    return left


def test_a_kernel_just_given_to_a_visitor_is_not_taken_for_a_forgotten_one(tmp_path):
    assert run(left_after_looks(AsyncMappingKernelManager, tmp_path, [60])) == [0]
    assert run(left_after_looks(Kernels, tmp_path, [60, 4, 2])) == [1, 1, 0]


def test_a_visitor_who_goes_soon_leaves_no_kernel_for_longer(tmp_path):
    assert run(left_after_looks(Kernels, tmp_path, [1, 8, 2])) == [1, 1, 0]


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


def test_a_busy_server_waits_for_the_output_and_says_so_if_it_gives_up(tmp_path):
    executor = VoilaExecutor(
        nbformat.v4.new_notebook(), config=_config(tmp_path, 8866, Access(), 3)
    )
    assert executor.iopub_timeout >= 60 and executor.raise_on_iopub_timeout
    cell = nbformat.v4.new_code_cell()
    executor.show_code_cell_timeout(cell)
    assert "reload the page" in cell.outputs[0]["traceback"][0]

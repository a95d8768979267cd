"""What the server writes to its log."""

import asyncio
import gc
import logging

import in_loop
import pytest
from tornado.websocket import WebSocketClosedError

from rsh.explorer.server.logs import WithoutSecrets, is_relevant

TOKEN = "a-token_of.more~than-16"


@pytest.mark.parametrize(
    ("error", "logged"), [(WebSocketClosedError(), 0), (ValueError("a fault of ours"), 1)]
)
def test_a_visitor_who_goes_while_something_is_sent_is_no_error(caplog, error, logged):
    async def send() -> None:
        raise error

    async def forget() -> None:
        task = asyncio.create_task(send())
        await asyncio.wait([task])

    logger = logging.getLogger("asyncio")
    logger.addFilter(is_relevant)
    try:
        in_loop.run(forget())
    finally:
        logger.removeFilter(is_relevant)
    assert len(caplog.records) == logged


@pytest.mark.parametrize(("name", "logged"), [("dispatch_control", 0), ("another", 1)])
def test_a_request_to_a_kernel_that_ended_is_no_error(caplog, name, logged):
    async def wait() -> None:
        await asyncio.Future()

    wait.__qualname__ = f"Kernel.{name}"
    logger = logging.getLogger("asyncio")
    logger.addFilter(is_relevant)
    try:
        loop = asyncio.new_event_loop()
        task = loop.create_task(wait())
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        del task, loop
        gc.collect()
    finally:
        logger.removeFilter(is_relevant)
    assert len(caplog.records) == logged


@pytest.mark.parametrize(
    "message",
    [
        f"404 GET /?token={TOKEN}&q=1",
        f"Uncaught exception GET /x?a=1&token={TOKEN}",
        f"login with {TOKEN} failed",
        "405 HEAD /?token=nearly-the-right-one",
        "405 HEAD /?TOKEN=nearly-the-right-one",
    ],
)
def test_no_log_line_has_a_token(caplog, message):
    logger = logging.getLogger("tornado.access")
    filter_ = WithoutSecrets(TOKEN)
    logger.addFilter(filter_)
    try:
        logger.error("%s (%d)", message, 7)
    finally:
        logger.removeFilter(filter_)
    assert TOKEN not in caplog.text and "nearly" not in caplog.text
    assert "..." in caplog.text and "(7)" in caplog.text

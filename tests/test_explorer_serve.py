"""What the served page writes to its log."""

import asyncio
import logging

import in_loop
import pytest
from tornado.websocket import WebSocketClosedError

from rsh.explorer.serve import is_news


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
    logger.addFilter(is_news)
    try:
        in_loop.run(forget())
    finally:
        logger.removeFilter(is_news)
    assert len(caplog.records) == logged

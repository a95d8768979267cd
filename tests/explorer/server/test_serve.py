"""When the page is not served, and what it writes to its log when it is."""

import asyncio
import logging
import socket

import in_loop
import pytest
from conftest import TinyRun
from make_command import refuse
from tornado.websocket import WebSocketClosedError

from rsh.explorer.server.serve import is_relevant


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


def test_port_in_use(tiny_run: TinyRun, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        told = refuse(capsys, "dashboard", tiny_run.gallery, "--port", port)
    assert f"port {port} is in use" in told and "--port" in told


def test_public_page_without_a_token(
    tiny_run: TinyRun, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RSH_TOKEN", raising=False)
    told = refuse(capsys, "dashboard", tiny_run.gallery, "--public")
    assert "--public needs an access token" in told and "RSH_TOKEN=" in told

"""When the page is not served."""

import socket

import pytest
from conftest import TinyRun
from make_command import refuse


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

"""Weaknesses of packages that the server works around. When a test fails, one of them is fixed.

Then remove the workaround, if the oldest allowed version has the fix too, and its line in the table
of SECURITY.md.
"""

import inspect
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from jupyter_client.connect import LocalPortCache
from jupyter_server.base.handlers import JupyterHandler
from voila.app import Voila
from voila.handler import VoilaHandler
from voila.request_info_handler import RequestInfoSocketHandler

READERS = {
    "jupyter_server": "from jupyter_server.services.kernels.connection.base import "
    "deserialize_msg_from_ws_v1 as read",
    "voila": "from voila.tornado.kernel_websocket_handler import "
    "read_header_from_binary_message as read",
}


@pytest.mark.parametrize("package", READERS)
def test_impossible_offsets_still_block(package):
    code = f"{READERS[package]}\nprint('ready', flush=True)\nread(bytes([255] * 7 + [127]))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as read:
        try:
            assert read.stdout.readline() == "ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                read.wait(1)
        finally:
            read.kill()


def test_voila_still_sets_no_limits():
    assert "max_body_size" not in inspect.getsource(Voila.listen)


def test_the_route_of_queries_still_needs_no_login():
    assert not issubclass(RequestInfoSocketHandler, JupyterHandler)


def test_a_page_whose_kernel_does_not_start_still_waits_forever():
    assert "asyncio.ensure_future(put_html())" in inspect.getsource(VoilaHandler.get_generator)


def test_ports_are_still_chosen_before_a_kernel_takes_them():
    assert "tmp_sock.close()" in inspect.getsource(LocalPortCache.find_available_port)


def test_onnx_runtime_still_reports_to_its_maker():
    found = find_spec("onnxruntime")
    if found is None:
        pytest.skip("onnxruntime is not installed")
    libraries = Path(found.origin).parent.rglob("*.so*")
    assert any(b"ORT_DISABLE_TELEMETRY" in library.read_bytes() for library in libraries)

"""When the Python behind a page ends, and how long a busy server waits for it."""

import nbformat
from voila.execute import VoilaExecutor

from rsh.explorer.serve import _config


def test_a_busy_server_waits_for_the_output_and_says_so_if_it_gives_up(tmp_path):
    executor = VoilaExecutor(nbformat.v4.new_notebook(), config=_config(tmp_path, 8866))
    assert executor.iopub_timeout >= 60 and executor.raise_on_iopub_timeout
    cell = nbformat.v4.new_code_cell()
    executor.show_code_cell_timeout(cell)
    assert "reload the page" in cell.outputs[0]["traceback"][0]

"""What benchmarks/planes.py compares the page with: other plots, each a notebook cell for Voila.

They run in an environment of their own (`--peers-python`), with the packages jupyter-scatter,
plotly, anywidget, voila, ipykernel, numpy and pandas, so that rsh need not have them.
"""

import json
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import psutil

# Each cell gets x, y, label and thumbs (a hundred JPEGs), shows one plot, and writes the row that
# is clicked into an element of the class "answer".
BEGIN = """
import base64, json
import ipywidgets, numpy as np, pandas as pd
data = np.load({points!r})
x, y, label = data["x"], data["y"], data["label"]
thumbs = [bytes(jpeg) for jpeg in np.load({thumbs!r}, allow_pickle=True)]
answer = ipywidgets.HTML('<b class="answer">-1</b>')
def say(row): answer.value = f'<b class="answer">{{row}}</b>'
"""
SCATTER = """
import jscatter
urls = np.array(["data:image/jpeg;base64," + base64.b64encode(jpeg).decode() for jpeg in thumbs])
table = pd.DataFrame({"x": x, "y": y, "label": pd.Categorical(label.astype(str))})
table["thumb"] = urls[np.arange(len(x)) % len(urls)]
plot = jscatter.Scatter(data=table, x="x", y="y", color_by="label", height=420, width=560)
plot.tooltip(enable=True, properties=["label"], preview="thumb", preview_type="image")
plot.widget.observe(lambda change: say(change["new"]), names="selection")
ipywidgets.VBox([answer, plot.show()])
"""
PLOTLY = """
import plotly.graph_objects as go
figure = go.FigureWidget(go.Scattergl(x=x, y=y, mode="markers", marker=dict(color=label, size=3)))
figure.update_layout(width=560, height=420, margin=dict(l=0, r=0, t=0, b=0), dragmode="pan")
figure._config = figure._config | {"scrollZoom": True}
image = ipywidgets.Image(value=thumbs[0], width=84, height=84)
image.add_class("image")
def show(trace, points, state):
    if points.point_inds: image.value = thumbs[points.point_inds[0] % len(thumbs)]
figure.data[0].on_hover(show)
figure.data[0].on_click(lambda trace, points, state: say(points.point_inds))
ipywidgets.VBox([answer, figure, image])
"""
# Name: cell, selector of the plot, and of the image that a hover shows.
PEERS = {
    "jupyter-scatter": (SCATTER, "canvas", 'div[style*="data:image"]'),
    "plotly FigureWidget": (PLOTLY, ".js-plotly-plot", "img.image"),
}
ANSWER = ".answer"


@contextmanager
def serve_peer(name: str, folder: Path, python: str) -> Iterator[tuple[str, psutil.Process]]:
    """Serve a peer's plot of the points in a folder; yields its address and its process."""
    cell = BEGIN.format(points=str(folder / "points.npz"), thumbnails=str(folder / "thumbs.npy"))
    code = {"cell_type": "code", "id": "plot", "metadata": {}, "outputs": []}
    notebook = {
        "cells": [code | {"execution_count": None, "source": cell + PEERS[name][0]}],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / "peer.ipynb").write_text(json.dumps(notebook))
    port = free_port()
    large = '--Voila.tornado_settings={"websocket_max_message_size": 400000000}'
    command = [python, "-m", "voila", "peer.ipynb", f"--port={port}", "--no-browser", large]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            said: Iterable[str] = process.stderr or ()
            if not any("running at" in line for line in said):
                raise SystemExit(f"{name} does not start in {python}")
            Thread(target=list, args=(said,), daemon=True).start()  # or the pipe fills up
            yield f"http://127.0.0.1:{port}/", psutil.Process(process.pid)
        finally:
            process.terminate()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

import re
import socket

import numpy as np
import pytest
from refusals import refused

from rsh.data.places import format_place, useful_decimals
from rsh.errors import InputError
from rsh.explorer.alerts import guarded
from rsh.explorer.bundle import PANELS, bundle
from rsh.explorer.panels.class_browser import SHOWN
from rsh.explorer.panels.scatter import make_maps
from rsh.explorer.server.serve import check_port, serve
from rsh.explorer.state import BRIGHTEST, BRIGHTNESS_STEP
from rsh.text import humanize, plural

HTML = "<img src=x onerror=alert(1)>"


def test_guarded_shows_the_sentence_of_an_input_error():
    shown = []

    class Panel:
        alert = staticmethod(shown.append)

        @guarded
        def act(self):
            raise InputError("say this")

    Panel().act()
    assert shown == ["say this"]


def test_bundles_hold_each_module_once_and_import_nothing():
    for path in PANELS.glob("*.js"):
        text = bundle(f"panels/{path.name}")
        assert not re.search(r"^(import|export (?!default))", text, re.MULTILINE)
        assert text.count("function make(") == text.count("export default") == 1
        modules = re.findall(r"^const (\w+) = \(\(\) => {", text, re.MULTILINE)
        assert len(modules) == len(set(modules)) == text.count("})();\n")


def test_the_class_browser_says_how_many_tiles_come_next():
    assert f'"Next {SHOWN}"' in bundle("panels/class_browser.js")


def test_the_page_and_python_know_the_same_brightness():
    text = bundle("panels/cards.js")
    assert f"BRIGHTEST = {BRIGHTEST};" in text and f"STEP = {BRIGHTNESS_STEP};" in text


def test_no_file_of_the_page_names_an_outside_host():
    files = [*PANELS.rglob("*.[cj]s*"), *(PANELS.parent / "template").iterdir()]
    for file in files:
        hosts = set(re.findall(r"https?://[\w.-]+", file.read_text(encoding="utf-8")))
        assert hosts <= {"http://www.w3.org", "https://cdn.jsdelivr.net"}, file
        if "https://cdn.jsdelivr.net" in hosts:  # named only to be replaced
            assert file.name == "index.html.j2"


@pytest.mark.parametrize(
    ("longitude", "latitude", "decimals", "text"),
    [
        (102.1, 34.52, 1, "34.5° N, 102.1° E"),
        (102.1, 34.52, 3, "34.520° N, 102.100° E"),
        (-70, -0.04, 1, "0.0° N, 70.0° W"),
        (-70, -0.04, 2, "0.04° S, 70.00° W"),
        (np.nan, 1, 1, ""),
        (0, 0, 1, "0.0° N, 0.0° E"),
    ],
)
def test_places_read_as_on_a_map(longitude, latitude, decimals, text):
    assert format_place(longitude, latitude, decimals) == text


@pytest.mark.parametrize(
    ("degrees", "size", "decimals"),
    [
        ([1, 2, -3], 0, 1),
        ([1.25, 2], 0, 2),
        ([0.1 + 0.2, np.nan], 0, 1),
        ([1 / 3], 0, 5),
        ([1 / 3], 0.004, 4),
        ([1 / 3], 1.0, 1),
        ([1 / 3], 30, 1),
        ([1.25], 1e-6, 2),
        ([], 0, 1),
        ([np.nan], 0, 1),
    ],
)
def test_decimals_are_those_that_say_something(degrees, size, decimals):
    assert useful_decimals(np.array(degrees), size) == decimals


def test_words():
    assert (plural(1, "bit"), plural(2400, "tile"), plural(10, "class")) == (
        "1 bit",
        "2,400 tiles",
        "10 classes",
    )
    assert humanize("\u202egpj.exe\x1b") == r"\u202egpj.exe\x1b"
    assert (humanize("snow_and_ice"), humanize(" "), humanize(HTML)) == (
        "snow and ice",
        "(no name)",
        HTML,
    )


def test_serve_refuses_before_it_starts(gallery, tmp_path):
    with refused(names=tmp_path):
        serve([tmp_path], port=8866, open_browser=False)
    with refused(names=(1, 65535, "--port")):
        serve([gallery.folder], port=70000, open_browser=False)


def test_a_port_in_use_is_named_with_the_way_out():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with refused(names=port):
            check_port(port)
    check_port(port)


def test_planes_carry_one_pair_of_numbers_an_item(gallery):
    planes = make_maps(gallery, "page")
    assert [plane.space for plane in planes] == ["feature", "code", "world"]
    feature, _, world = planes
    assert world.xy == b""  # before they are asked for
    world.send_dots()
    xy = np.frombuffer(world.xy, dtype=np.float32).reshape(-1, 2)
    assert np.allclose(xy, gallery.items[["longitude", "latitude"]], atol=1e-3)
    assert not feature.background and len(world.background) > 1000

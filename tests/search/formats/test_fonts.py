"""Words in images: what has a glyph, and what is written as its code point."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsh.search.formats.fonts import (
    DOTS,
    escape_missing_glyphs,
    font,
    has_missing_glyphs,
    measure_width,
    wrap_text,
)


def test_finding_the_font_imports_no_matplotlib():
    code = "import sys, rsh.search.formats.tables; from rsh.search.formats.fonts import font; "
    code += "print(font(12).getname()[0], "
    code += "{'matplotlib', 'torch', 'sklearn', 'umap'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["DejaVu", "Sans", "set()"]


@pytest.mark.parametrize("text", ["forêt", "Лес", "δάσος", "<b>&\"'", "→ ✓ ✗ ≤"])
def test_known_scripts_are_drawn_as_they_are(text):
    assert "".join(escape_missing_glyphs(text)) == text and not has_missing_glyphs(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("森a", r"\u68eea"),
        ("क्ष", r"\u0915\u094d\u0937"),
        ("🛰", r"\U0001f6f0"),
        ("one\ntwo\t", r"one\ntwo\t"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("e\u0301", "é"),
        ("\u00a0", r"\xa0"),
    ],
)
def test_what_has_no_glyph_or_cannot_be_seen_is_its_code_point(text, expected):
    assert "".join(escape_missing_glyphs(text)) == expected


@given(st.text(max_size=90), st.integers(1, 3), st.integers(40, 400))
def test_lines_fit_and_say_if_something_is_missing(text, lines, width):
    by = font(13)
    found = wrap_text(text, by, width, lines=lines)
    assert len(found) <= lines
    widest = max((measure_width(part, by) for part in escape_missing_glyphs(text)), default=0)
    assert all(measure_width(line, by) <= max(width, widest) + 1 for line in found)
    whole = "".join(escape_missing_glyphs(text)).replace(" ", "")
    shown = "".join(found).replace(" ", "")
    if shown != whole:
        assert len(found) == lines and shown.endswith(DOTS)
        assert whole.startswith(shown.removesuffix(DOTS))


def test_lines_break_at_spaces_where_they_can():
    by = font(13)
    assert wrap_text("evergreen broadleaf forest", by, 152, lines=2) == [
        "evergreen broadleaf", "forest",
    ]  # fmt: skip
    assert wrap_text("", by, 100) == [] == wrap_text("   ", by, 100)
    (cut,) = wrap_text("x" * 80, by, 100)
    assert cut.endswith("x" + DOTS) and measure_width(cut, by) > 85

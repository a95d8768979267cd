import pytest
from refusals import refused

from rsh.gallery.annotations.names import clean_color, clean_name, clean_set_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" to check ", "to check"),
        ("a\N{COMBINING DIAERESIS}", "ä"),
        ("a\N{NO-BREAK SPACE}b\N{IDEOGRAPHIC SPACE}", "a b"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("x" * 60, "x" * 60),
        ("\N{CJK UNIFIED IDEOGRAPH-6797}", "\N{CJK UNIFIED IDEOGRAPH-6797}"),
        ("\N{DECIDUOUS TREE}", "\N{DECIDUOUS TREE}"),
        ("=1+1", "=1+1"),
    ],
)
def test_names_are_trimmed_and_composed(text: str, name: str):
    assert clean_name(text) == clean_set_name(text) == name
    assert clean_name(name) == name


@pytest.mark.parametrize("text", ["", "  ", "x" * 61, "x" * 80, "ä" * 61])
def test_names_have_1_to_60_characters(text: str):
    with refused("class", names=(60, len(text.strip()))):
        clean_name(text, parameter="class")


@pytest.mark.parametrize(
    "letter", ["\n", "\t", "\0", "\x1b", "\u202e", "\u200b", "\u2028", "\ufeff"]
)
def test_names_hold_nothing_that_cannot_be_seen(letter: str):
    with refused("name"):
        clean_name(f"a{letter}b")


@pytest.mark.parametrize("text", ["a,b", "a;b"])
def test_names_of_sets_hold_no_separator(text: str):
    assert clean_name(text) == text
    with refused("set", value=text):
        clean_set_name(text, parameter="set")


def test_colors_are_hexadecimal():
    assert clean_color(" #1F77B4 ") == "#1f77b4" and clean_color("") == ""
    for text in ("red", "#12345", "#1234567", "#12345g", "url(x)"):
        with refused("color", value=text):
            clean_color(text)

"""An online map is named by who serves, and nothing else gets into the content policy."""

import os

import pytest
from refusals import refused

from rsh.explorer.basemap import Basemap, to_environment
from rsh.explorer.server.access import Access

URL, CREDIT = "https://tile.example.org/{z}/{x}/{y}.png?key=a_b-1", "© Example contributors"


def images(access: Access) -> str:
    policy = access.headers["Content-Security-Policy"]
    return next(part.strip() for part in policy.split(";") if part.strip().startswith("img-src"))


def test_by_itself_there_is_none():
    assert Access.read().basemap is None
    assert images(Access.read()) == "img-src 'self' data: blob:"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        (URL, "https://tile.example.org"),
        ("https://tile.example.org:8443/a/{z}/{y}/{x}", "https://tile.example.org:8443"),
        ("https://x.org/wmts?z={z}&x={x}&y={y}", "https://x.org"),
        ("http://127.0.0.1:8080/{z}/{x}/{y}.png", "http://127.0.0.1:8080"),
        ("http://localhost/{z}/{x}/{y}.png", "http://localhost"),
        ("http://[::1]:9/{z}/{x}/{y}.png", "http://[::1]:9"),
    ],
)
def test_its_host_alone_joins_the_policy(url: str, origin: str):
    plain, access = Access.read(), Access.read(basemap=url, basemap_credit=CREDIT)
    assert images(access) == f"{images(plain)} {origin}"
    before, after = (one.headers["Content-Security-Policy"] for one in (plain, access))
    assert after.replace(f" {origin}", "") == before


@pytest.mark.parametrize(
    "url",
    [
        "http://tile.example.org/{z}/{x}/{y}.png",
        "http://127.0.0.1.example.org/{z}/{x}/{y}.png",
        "ftp://x.org/{z}/{x}/{y}",
        "//x.org/{z}/{x}/{y}",
        "https://x.org",
        "https://x.org/{z}/{x}",
        "https://x.org/{z}/{x}/{y}/{y}",
        "https://x.org/{z}/{x}/{-y}",
        "https://x.org/{z}/{x}/{y}/{r}",
        "https://x.org/{z}/{x}/{y}}",
        "https://{s}.x.org/{z}/{x}/{y}",
        "https://user:secret@x.org/{z}/{x}/{y}",
        "https://x.org; script-src */{z}/{x}/{y}",
        "https://x.org 'unsafe-eval'/{z}/{x}/{y}",
        "https://*/{z}/{x}/{y}",
        "https://x.org/{z}/{x}/{y} ",
        "https://x.org/{z}/{x}/{y}\n",
        "https://x.org/{z}/{x}/{y}#a",
        'https://x.org/{z}/{x}/{y}"onload=alert(1)',
        "https://x.org/{z}/{x}/{y}" + "a" * 500,
        "javascript:alert({z},{x},{y})",
    ],
)
def test_another_address_is_refused(url: str):
    with refused("basemap"):
        Access.read(basemap=url, basemap_credit=CREDIT)


@pytest.mark.parametrize("credit", ["", "a" * 201, "two\nlines", "\u202eback"])
def test_a_map_needs_a_credit(credit: str):
    with refused("basemap_credit"):
        Access.read(basemap=URL, basemap_credit=credit)


def test_a_credit_alone_is_refused():
    with refused("basemap"):
        Access.read(basemap_credit=CREDIT)


def test_kernels_are_told_of_it_and_of_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RSH_BASEMAP", "https://other.example.org/{z}/{x}/{y}.png")
    monkeypatch.setenv("RSH_BASEMAP_CREDIT", "left over")
    named = Basemap.read(URL, CREDIT)
    to_environment(named)
    assert Basemap.from_environment() == named
    to_environment(None)
    assert Basemap.from_environment() is None and "RSH_BASEMAP_CREDIT" not in os.environ


def test_an_environment_is_checked_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RSH_BASEMAP", "https://*/{z}/{x}/{y}")
    monkeypatch.setenv("RSH_BASEMAP_CREDIT", CREDIT)
    with refused("basemap"):
        Basemap.from_environment()

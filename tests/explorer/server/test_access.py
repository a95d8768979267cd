"""Who is let in is decided before anything listens."""

import pytest
from refusals import refused

from rsh.explorer.server.access import Access

TOKEN = "0123456789abcdef"


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RSH_TOKEN", raising=False)


def test_by_itself_the_page_is_for_this_machine():
    access = Access.read()
    assert (access.host, access.token, access.entry(80)) == (
        "127.0.0.1",
        "",
        "http://127.0.0.1:80/",
    )
    assert access.names == {"allow_remote_access": False, "local_hostnames": ["localhost"]}


def test_public_needs_a_token():
    with refused(names=("--public", "RSH_TOKEN")):
        Access.read(public=True)


def test_public_with_a_token_listens_everywhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RSH_TOKEN", TOKEN)
    access = Access.read(public=True)
    assert (access.host, access.token) == ("0.0.0.0", TOKEN)
    assert access.entry(8866) == f"http://127.0.0.1:8866/?token={TOKEN}"
    assert access.names["allow_remote_access"]


def test_a_token_holds_on_this_machine_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RSH_TOKEN", TOKEN)
    assert (Access.read().host, Access.read().token) == ("127.0.0.1", TOKEN)


@pytest.mark.parametrize(
    "token", [TOKEN[:-1], "a b" * 9, "ü" * 20, "x" * 20 + "&", "y" * 20 + "\n"]
)
def test_a_token_that_is_no_word_of_a_link_is_refused(token: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RSH_TOKEN", token)
    with refused(names=len(token)) as told:
        Access.read(public=True)
    assert token not in str(told.value)


@pytest.mark.parametrize("name", ["http://demo.org", "demo.org:80", "", "a b"])
def test_a_hostname_is_a_name_alone(name: str):
    with refused(names=("--hostname", name)):
        Access.read(hostnames=(name,))


def test_names_are_passed_on():
    assert Access.read(hostnames=("demo.org",)).names["local_hostnames"] == [
        "localhost",
        "demo.org",
    ]


@pytest.mark.parametrize("path", ["rsh", "/rsh", "rsh/", "/rsh/"])
def test_a_base_url_begins_and_ends_with_a_slash(path: str):
    assert Access.read(base_url=path).url(1) == "http://127.0.0.1:1/rsh/"


@pytest.mark.parametrize("path", ["http://demo.org", "/a b/", "/a?b/", "//"])
def test_a_base_url_is_a_path(path: str):
    with refused(names=("--base-url", path)):
        Access.read(base_url=path)


def test_a_frame_elsewhere_is_for_sites_that_were_named():
    policy = Access.read(frames=("https://huggingface.co",)).headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self' https://huggingface.co")
    assert Access.read().headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")


@pytest.mark.parametrize("site", ["huggingface.co", "https://a b", "https://a;script-src *"])
def test_a_site_that_is_none_is_refused(site: str):
    with refused(names=("--allow-iframe", site)):
        Access.read(frames=(site,))

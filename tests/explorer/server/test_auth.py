"""What a page of another site may make a visitor's browser request."""

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest

from rsh.explorer.server.auth import is_foreign


def request(site: str, dest: str, method: str = "GET") -> HTTPServerRequest:
    headers = HTTPHeaders({"Sec-Fetch-Site": site, "Sec-Fetch-Dest": dest})
    return HTTPServerRequest(method, "/", headers=headers)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "a word of tomorrow"])
def test_another_site_has_links_and_nothing_else(site):
    assert not is_foreign(request(site, "document"), is_framed=False)
    assert is_foreign(request(site, "document", "POST"), is_framed=False)
    for dest in ("image", "script", "iframe", "empty", ""):
        assert is_foreign(request(site, dest), is_framed=False)


def test_a_site_that_was_named_has_frames_too():
    assert not is_foreign(request("cross-site", "iframe"), is_framed=True)
    assert is_foreign(request("cross-site", "image"), is_framed=True)


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_the_page_itself_and_a_typed_address_request_anything(site):
    assert not is_foreign(request(site, "empty", "POST"), is_framed=False)


def test_a_program_and_an_old_browser_say_nothing():
    assert not is_foreign(HTTPServerRequest("POST", "/", headers=HTTPHeaders()), is_framed=False)

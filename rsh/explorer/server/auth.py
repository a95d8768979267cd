"""Authentication: a token in the visitor's link, which is then stored in a cookie."""

import asyncio
import hmac
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode
from weakref import WeakValueDictionary

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.base.handlers import JupyterHandler
from tornado.httputil import HTTPServerRequest
from tornado.web import Finish, HTTPError
from traitlets import Bool
from voila.handler import VoilaHandler

WRONG_TOKEN_SECONDS = 0.5  # what a wrong token costs; those of one address wait for each other


class LinkIdentity(IdentityProvider):
    """Jupyter's token and cookie, with a login page of rsh.

    Voila's login page ignores the base URL, asks for a password, and rejects a typed token.
    """

    is_framed = Bool(False, help="other sites embed the dashboard in an iframe", config=True)
    _waiting: ClassVar[WeakValueDictionary[str, asyncio.Lock]] = WeakValueDictionary()  # by address

    def get_handlers(self) -> list[tuple[str, object]]:
        """Return the handler of the login page."""
        server: Any = self.parent
        return [(f"{server.base_url}login", LoginHandler)] if self.auth_enabled else []

    @property
    def auth_enabled(self) -> bool:
        """Whether visitors need a token."""
        return bool(self.token)

    async def get_user(self, handler: Any) -> User | None:
        """Return the user of a request, or answer with the "server full" page.

        A request with a correct token is redirected to the same page without it, so that copied
        links, the browser's history and the kernel's environment do not contain the token.

        Raises:
            HTTPError: 403, a page of another site requests more than a link does.
        """
        if is_foreign(handler.request, is_framed=self.is_framed):
            handler.current_user = handler._jupyter_current_user = None  # for the error page
            raise HTTPError(403)
        user: User | None = await self._get_user(handler)
        if user is None:
            return None
        if handler.request.method == "GET" and "token" in handler.request.query_arguments:
            query = parse_qsl(handler.request.query, keep_blank_values=True)
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            # A path such as //other.example/ would lead to another site.
            path = "/" + handler.request.path.lstrip("/\\")
            handler.redirect(path + (f"?{rest}" if rest else ""))
            raise Finish
        if isinstance(handler, VoilaHandler) and not await handler.kernel_manager.make_room():
            handler.set_status(503)
            handler.set_header("Retry-After", "30")
            handler.finish(_render(handler, "full.html"))
            raise Finish
        return user

    def set_login_cookie(self, handler: Any, user: User) -> None:
        """Remember a visitor; behind TLS, the cookie travels through TLS alone.

        In an iframe of another site, browsers send only cookies that allow it, and only over TLS.
        """
        is_framed = self.is_framed and handler.request.protocol == "https"
        self.cookie_options = {"samesite": "None" if is_framed else "Lax"}
        super().set_login_cookie(handler, user)

    async def get_user_token(self, handler: Any) -> User | None:
        """Return the user if the request has the correct token; a wrong one takes time."""
        given = self.get_token(handler) or ""
        if not self.token or not given:
            return None
        if hmac.compare_digest(given.encode(), self.token.encode()):
            known: User | None = await ensure_async(self.get_user_cookie(handler))
            return known or self.generate_anonymous_user(handler)
        async with self._waiting.setdefault(handler.request.remote_ip, asyncio.Lock()):
            await asyncio.sleep(WRONG_TOKEN_SECONDS)
        return None


def is_foreign(request: HTTPServerRequest, *, is_framed: bool) -> bool:
    """Whether a page of another site makes a browser send this request, other than by a link.

    Its images, scripts and frames would each start a kernel. Browsers say where a request comes
    from if it goes to this machine or travels through TLS.
    """
    if request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
        return False
    target = request.headers.get("Sec-Fetch-Dest")
    is_page = target == "document" or (target == "iframe" and is_framed)
    return not (is_page and request.method == "GET")


class LoginHandler(JupyterHandler):
    """The login page, which sends a typed token like one in a link."""

    @allow_unauthenticated
    def get(self) -> None:
        """Show the login page."""
        self.finish(_render(self, "door.html", wrong="token=" in self.get_argument("next", "")))


def _render(handler: Any, name: str, **values: Any) -> str:
    template: Any = handler.settings["jinja2_env"].get_template(name)
    text: str = template.render(base_url=handler.base_url, **values)
    return text

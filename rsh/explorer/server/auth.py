"""Authentication: a token in the visitor's link, which is then stored in a cookie."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import Finish
from voila.handler import VoilaHandler


class LinkIdentity(IdentityProvider):
    """Jupyter's token and cookie, with a login page of rsh.

    Voila's login page ignores the base URL, asks for a password, and rejects a typed token.
    """

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

        A request with a token is redirected to the same URL without it, so that copied links, the
        browser's history and the kernel's environment do not contain the token.
        """
        user: User | None = await self._get_user(handler)
        request = handler.request
        if user and isinstance(handler, VoilaHandler) and handler.kernel_manager.is_full:
            handler.set_status(503)
            handler.set_header("Retry-After", "30")
            handler.finish(_render(handler, "full.html"))
            raise Finish
        if user and request.method == "GET" and "token" in request.query_arguments:
            query = parse_qsl(request.query, keep_blank_values=True)
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            handler.redirect(request.path + (f"?{rest}" if rest else ""))
            raise Finish
        return user


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

"""How visitors are let in: by a token in their link, which then becomes a cookie."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import Finish
from voila.handler import VoilaHandler


class LinkIdentity(IdentityProvider):
    """Jupyter's token and cookie, with a page of our own to ask for the token.

    Voila's would stand outside the base URL, speak of a password, and fail where one types it.
    """

    def get_handlers(self) -> list[tuple[str, object]]:
        """Return what answers beside the page."""
        server: Any = self.parent
        return [(f"{server.base_url}login", LoginHandler)] if self.auth_enabled else []

    @property
    def auth_enabled(self) -> bool:
        """Whether visitors must know a token."""
        return bool(self.token)

    async def get_user(self, handler: Any) -> User | None:
        """Return who asks; who comes to a full house is told so.

        Who asks with a token is sent on to the same address without it: it shall not stand in
        copied links, in the browser's history, or in a kernel's environment.
        """
        user: User | None = await self._get_user(handler)
        request = handler.request
        if user and isinstance(handler, VoilaHandler) and handler.kernel_manager.is_full:
            handler.set_status(503)
            handler.set_header("Retry-After", "30")
            handler.finish(_page(handler, "full.html"))
            raise Finish
        if user and request.method == "GET" and "token" in request.query_arguments:
            query = parse_qsl(request.query, keep_blank_values=True)
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            handler.redirect(request.path + (f"?{rest}" if rest else ""))
            raise Finish
        return user


class LoginHandler(JupyterHandler):
    """The page that asks for the token; what is typed goes to the page as a link's token does."""

    @allow_unauthenticated
    def get(self) -> None:
        """Show it."""
        self.finish(_page(self, "door.html", wrong="token=" in self.get_argument("next", "")))


def _page(handler: Any, name: str, **words: Any) -> str:
    template: Any = handler.settings["jinja2_env"].get_template(name)
    text: str = template.render(base_url=handler.base_url, **words)
    return text

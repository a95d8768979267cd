"""What the server writes to its log: one line each, without tokens."""

import logging
import re
from typing import Any

LOGGERS = ("tornado.access", "tornado.application", "tornado.general", "asyncio", "rsh.server")
_IN_ADDRESS = re.compile(r"(token=)[^&\s\"')]+", re.IGNORECASE)


class WithoutSecrets(logging.Filter):
    """Replaces tokens in log messages."""

    def __init__(self, token: str) -> None:
        """Hide a token, wherever it stands, and whatever follows `token=`."""
        super().__init__()
        self._token = token

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a record; it is always logged."""
        message = _IN_ADDRESS.sub(r"\1...", record.getMessage())
        if self._token:
            message = message.replace(self._token, "...")
        record.msg, record.args = message, ()
        return True


def is_relevant(record: logging.LogRecord) -> bool:
    """Whether a log record is anything but a visitor who left, seen by the server or a kernel."""
    from tornado.websocket import WebSocketClosedError

    if "coro=<Kernel.dispatch_control()" in record.getMessage():  # a request to a kernel that ended
        return False
    return not (record.exc_info and isinstance(record.exc_info[1], WebSocketClosedError))


def log_request(handler: Any) -> None:
    """Log a request that failed through a fault of ours: method, path and status."""
    status = handler.get_status()
    if status >= 500 and status != 503:
        request = handler.request
        message = "%d %s %s"
        logging.getLogger("tornado.access").error(message, status, request.method, request.path)


def set_up(token: str, *more: logging.Logger) -> None:
    """Keep secrets out of the logs of the server.

    Args:
        token: the access token; "" if there is none.
        more: further loggers.
    """
    # It warns at each visit that Jupyter uses another unit for the ping timeout.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    logging.getLogger("asyncio").addFilter(is_relevant)
    for logger in (*map(logging.getLogger, LOGGERS), *more):
        logger.addFilter(WithoutSecrets(token))

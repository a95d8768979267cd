"""Calls to a Milvus server, with retries, and its errors as InputErrors."""

import logging
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

from rsh.errors import InputError
from rsh.text import install_hint

TIMEOUT = 30.0  # seconds that one call may take
TRIES, PAUSE = 3, 1.0  # attempts before a server counts as away, and seconds between them
AWAY = 2  # pymilvus's code for "cannot connect"
TOKEN = "RSH_MILVUS_TOKEN"
Client = Any


def connect(uri: str) -> Client:
    """Open a client.

    Raises:
        InputError: pymilvus is not installed, or the server does not answer.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the embedded server's use of pkg_resources
            from pymilvus import MilvusClient
    except ImportError:
        raise InputError(install_hint("pymilvus", "milvus")) from None
    # rsh reports errors itself. The import of pymilvus sets the level, so this comes after it.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)
    return call(uri, MilvusClient, uri, token=os.environ.get(TOKEN, ""))


def call(uri: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a server, retry while it does not answer, and return its response.

    Raises:
        InputError: the server does not answer, or refuses.
    """
    from pymilvus.exceptions import MilvusException

    for attempt in range(1, TRIES + 1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return function(*arguments, timeout=TIMEOUT, **named)
        except MilvusException as error:
            if attempt == TRIES or error.code != AWAY:
                raise InputError(f"{uri} {_reason(error)}") from None
            time.sleep(PAUSE)
    raise AssertionError


def _reason(error: Any) -> str:
    if error.code == AWAY:
        return (
            f"does not answer ({TRIES} tries): start it, or search without it after "
            "`rsh gallery index --type exact`"
        )
    return f"refuses ({error.message}): check the address, and that no other process has it open"

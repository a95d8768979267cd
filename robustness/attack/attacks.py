"""The attacks: each tries one thing against a running dashboard, and says what came of it.

Numbers refer to the first attack on this server, in SECURITY.md's history; the others held then.
"""

import asyncio
import json
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClosedError, websocket_connect

from benchmarks.dashboard.server import settle
from robustness.attack.server import Target
from robustness.attack.visitor import PATIENCE, PROTOCOL, Visitor, get, get_in_turn
from rsh.explorer.server.websocket import MAX_SOCKETS

Act = Callable[[Target], Coroutine[Any, Any, str]]
CLICK = 1.0  # seconds that an honest click may take meanwhile
SECRETS = ("Traceback", "site-packages", "/home/", "/root/", "/tmp/")


class Broken(Exception):
    """A promise that did not hold; its text says what was seen."""


class Attack(NamedTuple):
    """One attack.

    Attributes:
        name: what is tried.
        by: "stranger", who has no token, or "visitor".
        act: tries it; returns what was seen, or raises Broken.
        setups: where it makes sense.
    """

    name: str
    by: str
    act: Act
    setups: tuple[str, ...] = ("plain", "token", "nginx")


def must(condition: object, seen: str) -> None:
    """Raise Broken unless a condition holds."""
    if not condition:
        raise Broken(seen)


async def connected(target: Target) -> Visitor:
    """Return a visitor who has come as anybody may."""
    visitor = await Visitor.come(target.url, target.token)
    await visitor.learn()
    return visitor


async def closes(visitor: Visitor) -> int | None:
    """Read on until the server closes the socket; its close code."""
    while await visitor.hear() is not None:
        pass
    return visitor.socket.close_code


@asynccontextmanager
async def shouting(
    visitor: Visitor, content: Any, buffers: tuple[bytes, ...] = ()
) -> AsyncIterator[None]:
    """Let a visitor send a comm_msg over and over during a block, reading nothing, and leave."""

    async def shout() -> None:
        with suppress(WebSocketClosedError):
            while True:
                await visitor.say("comm_msg", content, buffers=buffers)

    task = asyncio.create_task(shout())
    try:
        yield
    finally:
        visitor.leave()
        await task


async def again(visitor: Visitor) -> None:
    """Connect once more, as soon as the server has noticed that the last socket is closed."""
    for _ in range(100):
        try:
            return await visitor.connect()
        except HTTPClientError as error:
            must(error.code == 429, f"status {error.code}")
            await asyncio.sleep(0.1)
    raise Broken("no further socket was opened for 10 s")


# Frames


async def impossible_frames(target: Target) -> str:
    """Frames whose table of offsets cannot be true."""
    frames = [b"\xff" * 8, struct.pack("<Q", 2**62), struct.pack("<7Q", 6, 56, 9, 8, 7, 6, 56), b""]
    for frame in frames:
        visitor = await Visitor.come(target.url, target.token)
        await visitor.send(frame)
        code = await closes(visitor)
        must(code == 1003, f"{frame[:16]!r} closed with {code}")
        visitor.leave()
    return "closed with 1003"


async def old_protocol(target: Target) -> str:
    """A websocket that does not offer the protocol of the page."""
    visitor = await Visitor.come(target.url, target.token, connect=False)
    for protocols in ((), ("other",)):
        try:
            await visitor.connect(protocols=protocols)
        except HTTPClientError as error:
            must(error.code == 400, f"status {error.code}")
        else:
            raise Broken("the websocket opened")
    return "400"


async def random_frames(target: Target, count: int = 100_000) -> str:
    """Frames with random changes, while another visitor clicks."""
    draw, honest = random.Random(0), await connected(target)
    sent, slowest, visitor = 0, 0.0, await connected(target)
    good = visitor.frame("comm_info_request", {"target_name": "jupyter.widget"})
    while sent < count:
        for _ in range(100):
            frame = bytearray(good)
            for _ in range(draw.choice([1, 1, 2, 8])):
                frame[draw.randrange(len(frame))] = draw.randrange(256)
            try:
                await visitor.send(bytes(frame[: draw.choice([len(frame), draw.randrange(200)])]))
            except WebSocketClosedError:  # for the frame before
                visitor.leave()
                await again(visitor)
            sent += 1
        slowest = max(slowest, await honest.click())
    visitor.leave()
    honest.leave()
    must(slowest < CLICK, f"a click took {slowest:.1f} s")
    return f"{count:,} frames; another visitor's click took at most {slowest:.2f} s"


async def foreign_messages(target: Target) -> str:
    """Requests to run code, to inspect, to interrupt, to shut down, on every channel."""
    visitor = await connected(target)
    code = "open('PWNED', 'w').close(); import os; os._exit(7)"
    kinds = ["execute", "inspect", "complete", "history", "is_complete", "debug", "interrupt"]
    kinds += ["shutdown", "usage", "create_subshell", "apply", "input"]
    for kind in kinds:
        content = {"code": code, "cursor_pos": 1, "restart": False, "silent": False, "value": "x"}
        await visitor.say(f"{kind}_request", content)
    await visitor.say("comm_info_request", {"target_name": "jupyter.widget"})
    kinds_heard = set()
    while message := await visitor.hear():
        kinds_heard.add(message["kind"])
        if message["kind"] == "comm_info_reply":
            break
    must("comm_info_reply" in kinds_heard, "the kernel does not answer any more")
    must(await visitor.click() < PATIENCE, "the page does not answer any more")
    for channel in ("control", "stdin", "iopub", "<IDS|MSG>"):
        other = await connected(target)
        await other.say("execute_request", {"code": code}, channel=channel)
        must(await closes(other) == 1003, f"channel {channel} is open")
    visitor.leave()
    return "none was passed on"


async def widgets_from_a_browser(target: Target) -> str:
    """Widgets that a browser opens, each with 10 MB."""
    visitor = await connected(target)
    await asyncio.to_thread(settle, target.process)  # a further kernel is being made
    kernels = target.process.children(recursive=True)
    before = sum(kernel.memory_info().rss for kernel in kernels)
    state = {"_model_module": "@jupyter-widgets/controls", "_model_name": "ImageModel"}
    for _ in range(10):
        content = {
            "comm_id": random.randbytes(8).hex(),
            "target_name": "jupyter.widget",
            "data": {"state": state, "buffer_paths": [["value"]]},
        }
        await visitor.say("comm_open", content, buffers=(bytes(10 << 20),), version="2.0.0")
    seconds = await visitor.click()
    after = sum(kernel.memory_info().rss for kernel in kernels if kernel.is_running())
    visitor.leave()
    must(after - before < 60 << 20, f"kernels grew by {(after - before) >> 20} MB")
    return f"none was opened; the next click took {seconds:.1f} s"


async def faulty_updates(target: Target) -> str:
    """Traits of wrong types; what comes back must not tell folders or traces."""
    visitor = await connected(target)
    heard: list[Any] = []
    for comm_id in visitor.widgets.values():
        for state in (
            {"galleries": 5, "view": 7, "page": []},
            {"layout": "x"},
            {"_esm": "alert(1)"},
        ):
            data: dict[str, Any] = {"method": "update", "state": state, "buffer_paths": []}
            await visitor.say("comm_msg", {"comm_id": comm_id, "data": data})
    while message := await visitor.hear(2):
        heard.append(message)
    kinds = {message["kind"] for message in heard}
    must(not kinds & {"error", "stream"}, f"messages of kind {kinds}")
    text = json.dumps([message for message in heard if message["kind"] != "comm_msg"])
    found = [secret for secret in SECRETS if secret in text]
    must(not found, f"the messages hold {found}")
    visitor.leave()
    return "no error and no printed line came back"


async def drowned_out(target: Target, panel: str, data: Any, *buffers: bytes) -> str:
    """Let a visitor send a panel the same message over and over, while another one clicks."""
    hostile = await connected(target)
    content = {"comm_id": hostile.widgets[panel], "data": {"method": "custom", "content": data}}
    return await clicks_beside(target, hostile, content, buffers)


async def clicks_beside(
    target: Target,
    hostile: Visitor,
    content: Any,
    buffers: tuple[bytes, ...] = (),
    *,
    clicks: int = 20,
    pause: float = 0.25,
) -> str:
    """Click while a hostile visitor shouts; clicks and the server's memory must stay as usual."""
    honest = await connected(target)
    slowest, before = 0.0, target.megabytes
    most = before
    async with shouting(hostile, content, buffers):
        for _ in range(clicks):
            slowest = max(slowest, await honest.click())
            most = max(most, target.megabytes)
            await asyncio.sleep(pause)
    honest.leave()
    must(slowest < CLICK, f"a click took {slowest:.1f} s")
    must(most < 1.5 * before, f"the server grew from {before:.0f} to {most:.0f} MB")
    return f"a click took at most {slowest:.2f} s; memory {most / before:.2f} times as much"


async def many_messages(target: Target) -> str:
    """As many small messages as go."""
    return await drowned_out(target, "HeaderPanel", {"kind": "ping"})


async def large_messages(target: Target) -> str:
    """As many messages of 20 MB as go."""
    return await drowned_out(target, "LegendPanel", {"kind": "select"}, bytes(20 << 20))


async def dear_requests(target: Target) -> str:
    """The dearest thing that a panel can be asked for, over and over."""
    return await drowned_out(target, "ExplainPanel", {"kind": "parts"})


async def never_reads(target: Target) -> str:
    """A visitor who requests all states without a pause, and reads no answer."""
    hostile = await connected(target)
    opening = {"comm_id": "c", "target_name": "jupyter.widget.control", "data": {}}
    await hostile.say("comm_open", opening)
    content = {"comm_id": "c", "data": {"method": "request_states"}}
    return await clicks_beside(target, hostile, content, clicks=30, pause=0.5)


async def strange_sessions(target: Target) -> str:
    """Session ids that a socket cannot have, each of which once took a place for good."""
    visitor = await Visitor.come(target.url, target.token, connect=False)
    for session in ("", "x" * 256, "%C3%A9", "a%00b", "x" * 5000):
        visitor.session = session
        try:
            await visitor.connect()
        except HTTPClientError as error:
            must(error.code in (400, 414, 431), f"{session[:9]!r}: status {error.code}")
        else:
            raise Broken(f"{session[:9]!r} opened a websocket")
    return "400"


async def half_characters(target: Target) -> str:
    """Half a character, which no text may contain, and endless nesting."""
    for text in (r'"\ud800"', "[" * 5000 + "]" * 5000):
        visitor = await connected(target)
        comm_id = visitor.widgets["HeaderPanel"]
        data = f'{{"comm_id": "{comm_id}", "data": {{"method": "custom", "content": {text}}}}}'
        await visitor.send(visitor.frame("comm_msg", data.encode()))
        code = await closes(visitor)
        must(code == 1003, f"{text[:9]} closed with {code}")
    return "closed with 1003"


async def foreign_origins(target: Target) -> str:
    """Websockets from other sites, and by other names."""
    visitor = await Visitor.come(target.url, target.token, connect=False)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ):
        try:
            await visitor.connect(headers=headers)
        except HTTPClientError as error:
            must(error.code in (403, 404), f"{headers}: {error.code}")
        else:
            raise Broken(f"{headers} opened a websocket")
    return "403"


async def requests_of_other_sites(target: Target) -> str:
    """What a page of another site makes a visitor's browser request: images, frames, scripts."""
    visitor = await Visitor.come(target.url, target.token, connect=False)
    for site in ("cross-site", "same-site"):
        for dest in ("image", "script", "iframe", "object", "empty"):
            headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": dest, "Cookie": visitor.cookie}
            code = (await get_in_turn(target.url, headers=headers)).code
            must(code == 403, f"{dest} of another site: {code}")
    headers |= {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    code = (await get_in_turn(target.url, headers=headers)).code
    must(code == 200, f"a link on another site: {code}")
    return "403; a link is followed"


async def foreign_kernel(target: Target) -> str:
    """The kernel of another visitor, whose id a stranger knows."""
    victim, other = await connected(target), await connected(target)
    number = victim.kernel_id
    for method, path in (
        ("GET", f"api/kernels/{number}"),
        ("DELETE", f"api/kernels/{number}"),
        ("POST", f"api/kernels/{number}/interrupt"),
        ("POST", f"api/kernels/{number}/restart"),
        ("GET", f"api/kernels/{number}/channels"),
        ("POST", f"voila/api/shutdown/{number}"),
    ):
        body = b"" if method == "POST" else None
        for headers in ({}, {"Cookie": "username-127-0-0-1-80=x"}):
            answer = await get(target.url + path, method=method, body=body, headers=headers)
            must(answer.code in (302, 403, 404, 405), f"{method} {path}: {answer.code}")
            must(number.encode() not in (answer.body or b""), f"{method} {path} shows the id")
    try:
        await Visitor(target.url, "", number).connect()
    except HTTPClientError as error:
        must(error.code == 403, f"the websocket answers {error.code}")
    else:
        raise Broken("the websocket opened")
    must(await victim.click() < PATIENCE, "the visitor is not served any more")
    headers = {"Cookie": other.cookie}
    for path in ("", "api/kernels", "api/sessions", "api/status", f"api/kernels/{other.kernel_id}"):
        answer = await get_in_turn(target.url + path, headers=headers)
        must(number.encode() not in (answer.body or b""), f"/{path} shows the id to others")
    must(number not in target.log.read_text(), "the log shows the id")
    victim.leave()
    other.leave()
    return "302 to the login page, 403 or 404; no page, list or log shows it"


async def further_sockets(target: Target) -> str:
    """50 websockets to one kernel at once, and 50 after another."""
    visitor = await Visitor.come(target.url, target.token, connect=False)
    others = [Visitor(target.url, visitor.cookie, visitor.kernel_id) for _ in range(100)]

    async def opens(other: Visitor) -> bool:
        try:
            await other.connect()
        except HTTPClientError as error:
            must(error.code in (429, 503), f"status {error.code}")
            return False
        return True

    opened = sum(await asyncio.gather(*map(opens, others[:50])))
    opened += sum([await opens(other) for other in others[50:]])
    for one in others:
        one.leave()
    must(opened <= MAX_SOCKETS, f"{opened} opened")
    return f"{opened} opened"


# Requests


def raw_socket(target: Target) -> socket.socket:
    """Return a connection on which nothing has been said."""
    place = urlsplit(target.url)
    assert place.hostname and place.port
    return socket.create_connection((place.hostname, place.port), timeout=60)


def exchange(target: Target, request: bytes) -> bytes:
    """Send bytes; return the first bytes that come back, or nothing if none do."""
    with raw_socket(target) as line:
        try:
            line.sendall(request)
            return line.recv(1000)
        except OSError:
            return b""


async def large_bodies(target: Target) -> str:
    """20 connections that announce a body of 100 MB and send what they can."""
    before = target.megabytes

    def post() -> None:
        with raw_socket(target) as line:
            path = urlsplit(target.url).path + "voila/api/shutdown/x"
            head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {100 << 20}\r\n\r\n"
            try:
                line.sendall(head.encode())
                for _ in range(95):
                    line.sendall(bytes(1 << 20))
            except OSError:
                pass

    await asyncio.gather(*(asyncio.to_thread(post) for _ in range(20)))
    after = target.megabytes
    must(after < 1.2 * before, f"the server grew from {before:.0f} to {after:.0f} MB")
    return f"refused; memory {after / before:.2f} times as much"


async def half_requests(target: Target, count: int = 300) -> str:
    """Connections with half a header, which gain a byte now and then."""
    lines = [raw_socket(target) for _ in range(count)]
    for line in lines:
        line.sendall(b"GET / HTTP/1.1\r\nX-A: ")
    end, open_lines = time.monotonic() + 90, list(lines)
    while open_lines and time.monotonic() < end:
        await asyncio.sleep(2)
        for line in list(open_lines):
            try:
                line.send(b"a")
                line.setblocking(False)
                if line.recv(1000) == b"":
                    open_lines.remove(line)
            except BlockingIOError:
                pass
            except OSError:
                open_lines.remove(line)
    status = (await get(target.url + "login")).code
    for line in lines:
        line.close()
    must(not open_lines, f"{len(open_lines)} of {count} were open after 90 s")
    must(status < 500, f"another visitor got {status}")
    return f"all {count} were closed"


async def redirects(target: Target) -> str:
    """Paths that would lead to another site."""
    base = urlsplit(target.url)
    for path in (
        "//evil.example/%2e%2e",
        "/\\evil.example/",
        "//evil.example/..;/",
        "/%2fevil.example",
    ):
        for query in (f"token={target.token or 'x'}", "token=wrong", "next=//evil.example", ""):
            url = f"{base.scheme}://{base.netloc}{path}?{query}"
            answer = await get(url)
            to = urlsplit(answer.headers.get("Location", "/"))
            must(not to.netloc, f"{path}?{query} leads to {answer.headers.get('Location')}")
            must(answer.code < 500, f"{path} gives {answer.code}")
    return "none leads elsewhere"


async def routes(target: Target) -> str:
    """Paths of Voila, Jupyter and the machine that have nothing to do with the page."""
    paths = (
        "api api/contents api/kernels api/sessions api/terminals api/status api/me api/spec.yaml"
    )
    paths += " files/dashboard.ipynb voila/files/dashboard.ipynb voila/render/dashboard.ipynb"
    paths += (
        " voila/tree voila/templates/a voila/templates/a/b voila/query/0-0-0-0-0 nbextensions/x"
    )
    paths += " voila/static/../../etc/passwd voila/static/..%2f..%2f..%2fetc%2fpasswd tree lab"
    paths += " voila/static/%2e%2e/%2e%2e/index.html voila/labextensions/%00 x%0d%0aX-A:b static/x"
    paths += " voila/execution/0-0-0-0-0 voila/api/contents metrics api/kernels/0-0-0-0-0/interrupt"
    for path in paths.split():
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"):
            body = b"" if method in ("POST", "PUT", "PATCH") else None
            answer = await get(target.url + path, method=method, body=body)
            if answer.code == 301:  # nginx adds a slash
                answer = await get(answer.headers["Location"], method=method, body=body)
            must(answer.code in (302, 400, 403, 404, 405), f"{method} {path}: {answer.code}")
            must(b"root:" not in (answer.body or b""), f"{path} shows a file")
            if answer.code == 302:
                must("login" in answer.headers["Location"], f"{path} leads to somewhere")
    return f"{len(paths.split())} paths, 7 methods: 302 to the login page, 400, 403, 404 or 405"


async def strange_headers(target: Target) -> str:
    """Headers that are too long, too many, or no headers."""
    for head in (
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 100_000 + b"\r\n",
        b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"\0" * 10_000,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n",
    ):
        answer = await asyncio.to_thread(exchange, target, head)
        must(b" 200 " not in answer.splitlines()[0] if answer else True, f"{head[:40]!r} is served")
    must((await get(target.url + "login")).code < 500, "the server is gone")
    return "refused"


async def strangers_see_nothing(target: Target) -> str:
    """What the page consists of, asked for without a token."""
    answer = await get(target.url)
    must(answer.code == 302, f"the page answers {answer.code}")
    for path in (
        "voila/static/voila.js",
        "voila/labextensions/anywidget/package.json",
        "api/kernels/a-b-c-d-e",
    ):
        code = (await get(target.url + path)).code
        must(code in (302, 403, 404), f"{path}: {code}")
    try:
        await websocket_connect(
            target.url.replace("http", "ws", 1) + "api/kernels/a-b-c-d-e/channels",
            subprotocols=[PROTOCOL],
        )
    except HTTPClientError as error:
        must(error.code == 403, f"the websocket answers {error.code}")
    else:
        raise Broken("the websocket opened")
    return "302 to the login page, 403 or 404"


async def wrong_tokens(target: Target) -> str:
    """20 wrong tokens at once, then what the log says of them and of the right one."""
    started = time.monotonic()
    await asyncio.gather(*(get(f"{target.url}?token=wrong-{number}") for number in range(20)))
    took = time.monotonic() - started
    right = await get_in_turn(f"{target.url}?token={target.token}")
    cookie = right.headers.get("Set-Cookie", "")
    await get(f"{target.url}voila/static/none?token={target.token}", method="HEAD")
    await get(f"{target.url}x%0d?token={target.token}")
    must(took > 4, f"they took {took:.1f} s")
    must(target.token not in target.log.read_text(), "the token stands in the log")
    must("HttpOnly" in cookie and "SameSite=Lax" in cookie, f"the cookie is {cookie}")
    return f"{took:.0f} s; no line of the log contains the token"


async def full_house(target: Target) -> str:
    """40 loads of the page that never connect; then a visitor comes."""
    visitor = await Visitor.come(target.url, target.token, connect=False)
    headers = {"Cookie": visitor.cookie}
    codes = Counter([(await get(target.url, headers=headers)).code for _ in range(40)])
    started = time.monotonic()
    while (code := (await get(target.url, headers=headers)).code) != 200:
        must(code in (429, 503), f"status {code}")
        must(time.monotonic() < started + 90, "90 s later there was no place")
        await asyncio.sleep(1)
    return f"{codes[200]} of 40 got a kernel; {time.monotonic() - started:.0f} s later one is free"


ATTACKS = [
    Attack("frames with impossible offsets", "visitor", impossible_frames),
    Attack("a websocket of another protocol", "visitor", old_protocol),
    Attack("frames with random changes", "visitor", random_frames),
    Attack("messages that run code", "visitor", foreign_messages),
    Attack("widgets opened by a browser", "visitor", widgets_from_a_browser),
    Attack("traits of wrong types", "visitor", faulty_updates),
    Attack("messages without a pause", "visitor", many_messages),
    Attack("messages of 20 MB", "visitor", large_messages),
    Attack("the dearest request, over and over", "visitor", dear_requests),
    Attack("websockets from other sites", "visitor", foreign_origins),
    Attack("requests of other sites", "visitor", requests_of_other_sites),
    Attack("a visitor who never reads", "visitor", never_reads),
    Attack("session ids that are none", "visitor", strange_sessions),
    Attack("texts that are none", "visitor", half_characters),
    Attack("50 websockets to one kernel", "visitor", further_sockets),
    Attack("pages without a connection", "visitor", full_house, ("plain", "token")),
    Attack("bodies of 100 MB", "stranger", large_bodies),
    Attack("connections that never end a request", "stranger", half_requests),
    Attack("redirects to other sites", "stranger", redirects),
    Attack("paths beside the page", "stranger", routes),
    Attack("strange headers", "stranger", strange_headers),
    Attack("the page without a token", "stranger", strangers_see_nothing, ("token", "nginx")),
    Attack("a kernel whose id is known", "stranger", foreign_kernel, ("token", "nginx")),
    Attack("wrong tokens", "stranger", wrong_tokens, ("token", "nginx")),
]

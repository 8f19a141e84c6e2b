"""A web server on this machine that gives one file, as well or as badly as a test wants."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from orthoui.data.known import Remote


class Server:
    """What is served and how; ``asked`` holds the Range header of every request."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.ranges = True
        self.lengths = True
        self.break_after: int | None = None
        self.status: int | None = None
        self.asked: list[str | None] = []
        self.address = ""

    def remote(self, file: str = "images.zip", content: bytes | None = None) -> Remote:
        """The file as a data set knows it; ``content`` is what its checksum is of, by default what is served."""
        expected = self.content if content is None else content
        md5 = hashlib.md5(expected, usedforsecurity=False).hexdigest()
        return Remote(f"{self.address}/{file}", md5, len(expected))


@contextmanager
def serving(content: bytes) -> Iterator[Server]:
    """Serve ``content`` under every name while the block runs."""
    about = Server(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, about)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    about.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield about
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, about: Server) -> None:
    wanted = handler.headers.get("Range")
    about.asked.append(wanted)
    found = re.fullmatch(r"bytes=(\d+)-", wanted or "") if about.ranges else None
    start = int(found[1]) if found else 0
    if about.status is not None or (found and start >= len(about.content)):
        handler.send_error(about.status or 416)
        return
    body = about.content[start:]
    handler.send_response(206 if found else 200)
    if found:
        handler.send_header("Content-Range", f"bytes {start}-{len(about.content) - 1}/{len(about.content)}")
    if about.lengths:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body if about.break_after is None else body[: about.break_after])

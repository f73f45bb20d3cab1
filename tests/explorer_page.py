"""The explorer's widget in a page of its own: a small server stands in for the notebook and its kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from immunoode.explorer.exchange import answer
from immunoode.explorer.messages import opening_message
from immunoode.explorer.model_explorer import ModelExplorer
from immunoode.explorer.page import SCRIPTS, asset

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>explorer</title><link rel="icon" href="data:,">
<style>body { margin: 12px; background: BACKGROUND; } CSS</style></head><body><div id="host"></div><script type="module">
import widget from "/widget.js";
const opening = await (await fetch("/opening")).json();
const handlers = [];
const model = {
  get: () => opening,
  on: (_, handler) => handlers.push(handler),
  off: () => {},
  send: async (content) => {
    const reply = await (await fetch("/message", { method: "POST", body: JSON.stringify(content) })).json();
    handlers.forEach((handler) => handler(reply));
  },
};
window.redrawn = [];
addEventListener("immunoode-redrawn", (event) => window.redrawn.push(event.detail));
widget.render({ model, el: document.getElementById("host") });
</script></body></html>"""


def handler_of(explorer: ModelExplorer, background: str) -> type[BaseHTTPRequestHandler]:
    """Return a handler of requests that answers as a kernel would, one message at a time."""
    lock = Lock()
    page = PAGE.replace("BACKGROUND", background).replace("CSS", asset("explorer.css"))
    texts = {
        "/": (page, "text/html"),
        "/widget.js": ("\n".join(asset(name) for name in SCRIPTS), "text/javascript"),
        "/opening": (json.dumps(opening_message(explorer, explorer.state)), "application/json"),
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else the body waits for the browser to acknowledge the headers

        def do_GET(self) -> None:  # noqa: N802
            text, kind = texts.get(self.path.split("?")[0], ("", "text/plain"))
            self._send(text.encode(), kind, 200 if text else 404)

        def do_POST(self) -> None:  # noqa: N802
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                reply = answer(explorer, content)
            self._send(json.dumps(reply).encode(), "application/json", 200)

        def _send(self, body: bytes, kind: str, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


@contextmanager
def served(explorer: ModelExplorer, background: str = "white") -> Iterator[str]:
    """Serve the widget; the value is the address of the page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(explorer, background))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

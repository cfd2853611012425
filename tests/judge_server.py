"""A judge for the tests: a real HTTP server that speaks the chat protocol, and can behave badly."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Behaviour:
    """What the server does with one request."""

    reply: str = '{"score": 4}'
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent instead of a completion."""
    delay: float = 0.0
    drips: float = 0.0
    """Seconds between single bytes of the body."""
    hangs_up: bool = False


@dataclass
class JudgeServer:
    """The server's address, and what it was asked."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@contextmanager
def judge_server(behave: Callable[[int, dict[str, Any]], Behaviour]) -> Iterator[JudgeServer]:
    """Run a server; `behave` gets the number of the request, from 0, and its body."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(server.requests)
                server.requests.append(body)
                server.keys.append(self.headers.get("Authorization", ""))
            behaviour = behave(number, body)
            time.sleep(behaviour.delay)
            if behaviour.hangs_up:
                self.close_connection = True
                return
            data = behaviour.body if behaviour.body is not None else json.dumps(completion(behaviour.reply)).encode()
            self.send_response(behaviour.status)
            self.send_header("Content-Type", behaviour.headers.pop("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(data)))
            for name, value in behaviour.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                if behaviour.drips:
                    for byte in data:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(behaviour.drips)
                else:
                    self.wfile.write(data)
            except OSError:
                pass  # the client has had enough, which is what such a reply is for

        def log_message(self, *args: Any) -> None: ...

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server = JudgeServer(url=f"http://127.0.0.1:{httpd.server_address[1]}/v1")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def completion(text: str) -> dict[str, Any]:
    """Return a chat completion in the protocol's form."""
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 0,
        "model": "judge",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }

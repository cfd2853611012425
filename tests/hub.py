"""A stand-in for the hub on this machine: takes commits and gives files, as far as `huggingface_hub` asks for it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Files = dict[str, bytes]


@contextmanager
def local_hub() -> Iterator[tuple[str, dict[str, Files]]]:
    """Run a hub; yields its address, and the files of every repository by name."""
    repositories: dict[str, Files] = {}
    handler = type("Handler", (_Handler,), {"repositories": repositories})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", repositories
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    repositories: dict[str, Files]
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        address = f"http://{self.headers['Host']}"
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            name = "/".join(filter(None, [asked.get("organization"), asked["name"]]))
            self.repositories.setdefault(name, {})
            return self._answer({"url": f"{address}/{name}"})
        if self.path == "/api/validate-yaml":
            return self._answer({"errors": [], "warnings": []})
        name, verb = self._repository(r"/api/models/(.+?)/(preupload|commit)/main")
        if verb == "preupload":
            files = [{"path": one["path"], "uploadMode": "regular"} for one in json.loads(body)["files"]]
            return self._answer({"files": [{**file, "shouldIgnore": False, "oid": None} for file in files]})
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                assert line["value"]["encoding"] == "base64"
                self.repositories[name][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        return self._answer({"commitUrl": f"{address}/{name}/commit/{self._commit(name)}", "commitOid": "0" * 40})

    def do_GET(self) -> None:
        if self.path.startswith("/api/models/"):
            name, verb = self._repository(r"/api/models/([^/]+/[^/?]+)/?(\w*)[/\w]*(?:\?.*)?")
            files = self.repositories[name]
            if verb == "tree":
                tree = [{"type": "file", "path": path, "size": len(files[path]), "oid": "0" * 40} for path in files]
                return self._answer(tree)
            siblings = [{"rfilename": path} for path in files]
            return self._answer({"id": name, "sha": self._commit(name), "siblings": siblings})
        name, path = self._repository(r"/(.+?)/resolve/\w+/(.+)")
        content = self.repositories.get(name, {}).get(path)
        if content is None:
            return self._answer({}, status=404, headers={"X-Error-Code": "EntryNotFound"})
        headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": self._commit(name)}
        return self._answer(content, headers=headers)

    do_HEAD = do_GET

    def _repository(self, pattern: str) -> tuple[str, str]:
        found = re.fullmatch(pattern, self.path)
        assert found, self.path
        return found[1], found[2]

    def _commit(self, name: str) -> str:
        digest = hashlib.sha1()
        for path, content in sorted(self.repositories[name].items()):
            digest.update(path.encode() + content)
        return digest.hexdigest()

    def _answer(self, content: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

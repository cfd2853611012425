"""Drives headless Chromium for tests, over the pipe of its developer protocol: no driver, no port, no network."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-default-browser-check",
    "--no-first-run",
    "--remote-debugging-pipe",
)
_TIMEOUT = 60.0
_EXEC = "import os, sys; [os.dup2(int(sys.argv[n]), n + 2) for n in (1, 2)]; os.execv(sys.argv[3], sys.argv[3:])"
"""Chromium listens on descriptor 3 and talks on 4."""
_KEYS = {"Enter": ("\r", 13), "Escape": ("", 27), "ArrowRight": ("", 39), "ArrowLeft": ("", 37), "End": ("", 35)}


class BrowserError(AssertionError):
    """The browser did not do what a test asked of it."""


class Page:
    """One open page, and what went wrong in it."""

    def __init__(self, pipe: _Pipe, session: str) -> None:
        self._pipe = pipe
        self._session = session
        self._has_loaded = False
        self.problems: list[str] = []
        """Errors and warnings of the console, refused content included, and uncaught exceptions."""
        self.requests: list[str] = []
        """Every address asked for, but for `data:` ones."""

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask something of the page's developer protocol."""
        return self._pipe.call(method, params, session=self._session, on_event=self._note)

    def goto(self, url: str) -> None:
        """Open an address and wait until it has loaded."""
        self._has_loaded = False
        self.call("Page.navigate", url=url)
        self.wait(lambda: self._has_loaded, what=f"{url[:80]} to load")
        self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def wait(self, is_done: Any, *, what: str) -> None:
        """Read events until something holds."""
        deadline = time.monotonic() + _TIMEOUT
        while not is_done():
            if time.monotonic() > deadline:
                raise BrowserError(f"waited {_TIMEOUT:.0f} s for {what}; problems: {self.problems}")
            self.call("Runtime.evaluate", expression="0")
            time.sleep(0.01)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, awaited when it is a promise."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise BrowserError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def type(self, text: str) -> None:
        """Write into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, *, is_shifted: bool = False) -> None:
        """Press and release a key: a letter, or a name such as `Enter`."""
        text, code = _KEYS.get(key, (key, ord(key[0])))
        common = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if is_shifted else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def point(self, x: float, y: float, *, is_click: bool = False) -> None:
        """Move the mouse to a place in the window, and click there."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        if is_click:
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, path: Path) -> Path:
        """Write what the window shows as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
        return path

    def print_pdf(self) -> bytes:
        """Return the page as it would be printed."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"])

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._has_loaded = True
        elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith("data:"):
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"])


class _Pipe:
    """The developer protocol: JSON messages that end with a zero byte."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()
        self._last_id = 0

    def call(self, method: str, params: dict[str, Any], *, session: str = "", on_event: Any = None) -> dict[str, Any]:
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._writer, data) :]
        while True:
            answer = self._read()
            if answer.get("id") == self._last_id:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            if on_event and answer.get("sessionId") == session:
                on_event(answer["method"], answer["params"])

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + _TIMEOUT
        while (end := self._buffer.find(b"\0")) < 0:
            if not select.select([self._reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise BrowserError(f"chromium said nothing for {_TIMEOUT:.0f} s")
            chunk = os.read(self._reader, 1 << 20)
            if not chunk:
                raise BrowserError("chromium ended")
            self._buffer += chunk
        message: dict[str, Any] = json.loads(self._buffer[:end])
        del self._buffer[: end + 1]
        return message


class Browser:
    """A running Chromium."""

    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe

    @contextmanager
    def page(self, *, width: int = 1280, height: int = 800, is_dark: bool = False, scale: float = 1) -> Iterator[Page]:
        """Open an empty page of a size in CSS pixels."""
        target = self._pipe.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self._pipe.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self._pipe, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        page.call("Emulation.setEmulatedMedia", features=[scheme, still])
        try:
            yield page
        finally:
            self._pipe.call("Target.closeTarget", {"targetId": target})


def _pipe() -> tuple[int, int]:
    """Open a pipe above the two numbers that the browser listens and talks on."""
    ends = os.pipe()
    reader, writer = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return reader, writer


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium; skip the test where there is none, or fail it where `MOVIEQA_REQUIRE_CHROMIUM` is 1."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        if os.environ.get("MOVIEQA_REQUIRE_CHROMIUM") == "1":
            pytest.fail("chromium is not on PATH, and MOVIEQA_REQUIRE_CHROMIUM is 1")
        pytest.skip("chromium is not on PATH")
    to_browser, from_browser = _pipe(), _pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                sys.executable, "-c", _EXEC, str(to_browser[0]), str(from_browser[1]),
                program, *_FLAGS, f"--user-data-dir={profile}",
            ],
            pass_fds=(to_browser[0], from_browser[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.close(to_browser[0])
        os.close(from_browser[1])
        try:
            yield Browser(_Pipe(from_browser[0], to_browser[1]))
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=_TIMEOUT)
            os.close(to_browser[1])
            os.close(from_browser[0])

"""A real Chromium, driven over its debugging pipe (Chrome DevTools Protocol): no port, no library."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.formats.jsonvalue import as_table

_TIMEOUT_S = 60.0
# Chromium reads descriptor 3 and writes 4; ours are moved out of their way first.
_ON_PIPES = """
import fcntl, os, sys
ours = [fcntl.fcntl(int(handle), fcntl.F_DUPFD, 10) for handle in sys.argv[1:3]]
os.dup2(ours[0], 3)
os.dup2(ours[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Page:
    """One tab. problems: what the console said, what failed, and every request but for the page itself."""

    def __init__(self, send: int, receive: int) -> None:
        self.problems: list[str] = []
        self._send = send
        self._receive = receive
        self._buffer = b""
        self._number = 0
        self._session = ""
        self._is_loaded = False

    def attach(self) -> None:
        """Open a tab and listen to all that it says."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = str(self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, path: Path, *, width: int, scheme: str, height: int = 900) -> None:
        """Show a file at a width in pixels, in the "light" or "dark" colours, and wait until it is there."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._is_loaded = False
        self.call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + _TIMEOUT_S
        while not self._is_loaded:
            self._note(self._next(deadline))

    def evaluate(self, script: str) -> object:
        """Return the value of a script, awaited; fail the test when it throws."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return as_table(answer["result"]).get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key, such as "Tab" (9). text: what it types, such as "\\r" for "Enter"."""
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **typed
            )

    def screenshot(self, path: Path) -> None:
        """Write a picture of the whole page."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(str(answer["data"])))

    def call(self, method: str, **parameters: object) -> dict[str, object]:
        """Call the browser and return its answer."""
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return as_table(answer["result"])
            self._note(answer)

    def _next(self, deadline: float) -> dict[str, object]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._receive], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "Chromium does not answer"
            content = os.read(self._receive, 1 << 20)
            assert content, "Chromium has ended"
            self._buffer += content
        line, _, self._buffer = self._buffer.partition(b"\0")
        return as_table(json.loads(line))

    def _note(self, message: dict[str, object]) -> None:
        method = message.get("method")
        if method == "Page.loadEventFired":
            self._is_loaded = True
        elif method == "Network.requestWillBeSent":
            url = str(as_table(as_table(message["params"])["request"])["url"])
            if not url.startswith(("file:", "about:", "data:")):
                self.problems.append(f"asked for {url}")
        elif method in {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}:
            self.problems.append(json.dumps(message["params"]))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Page]:
    """Start Chromium without a window, and end it with all its processes."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium (apt-get install chromium)")
    to_browser, from_us = os.pipe()
    to_us, from_browser = os.pipe()
    with tempfile.TemporaryDirectory(prefix="seatrial-chromium-", ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            (
                *(sys.executable, "-I", "-c", _ON_PIPES, str(to_browser), str(from_browser)),
                *(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
                *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
                *(
                    "--hide-scrollbars",
                    f"--user-data-dir={profile}",
                    "--remote-debugging-pipe",
                    "about:blank",
                ),
            ),
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": profile, "LANG": "C.UTF-8"},
        )
        os.close(to_browser)
        os.close(from_browser)
        try:
            page = Page(from_us, to_us)
            page.attach()
            yield page
        finally:
            os.close(from_us)  # it ends when its pipe does
            try:
                browser.wait(10)
            except subprocess.TimeoutExpired:
                browser.kill()
                browser.wait()
            os.close(to_us)

"""The report in a real browser: no error in the console, no request beyond the file, nothing cut off."""

from __future__ import annotations

import itertools
import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .conftest import call

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
WIDTH, PHONE = 1300, 390
SECONDS = 60

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium to open the report")

# Chromium reads commands from descriptor 3 and writes to 4. Both are moved out of the way first: they may be 3 or 4.
LAUNCHER = """\
import fcntl, os, sys
commands, events = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3])
os.dup2(commands, 3)
os.dup2(events, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--remote-debugging-pipe", f"--window-size={WIDTH},2000",
)  # fmt: skip
FRAME = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
SETTLED = f"document.fonts.ready.then(() => {FRAME})"
FACTS = """({
  title: document.title,
  headings: [...document.querySelectorAll("h2")].map(h => h.textContent),
  charts: document.querySelectorAll("svg.chart").length,
  maps: document.querySelectorAll("svg.map").length,
  dangling: [...document.querySelectorAll("use")].map(u => u.getAttribute("href"))
    .filter(href => !href.startsWith("#") || !document.getElementById(href.slice(1))),
  links: [...document.querySelectorAll("nav a")].map(a => a.getAttribute("href"))
    .filter(href => !document.querySelector(href)),
  repeated: [...document.querySelectorAll("[id]")].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i),
  tooWide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  cut: [...document.querySelectorAll("svg.chart text, svg.map > text")].filter(t => {
    const box = t.getBoundingClientRect(), frame = t.ownerSVGElement.getBoundingClientRect();
    return box.width && (box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1);
  }).map(t => t.textContent),
})"""


@dataclass(frozen=True)
class Seen:
    """What the browser saw of a page: requested addresses, console entries and facts read from the page."""

    requests: list[str]
    console: list[str]
    facts: dict[str, Any]


class Browser:
    """A headless Chromium, spoken to in the DevTools protocol over pipes."""

    def __init__(self, profile: Path) -> None:
        assert BROWSER is not None
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(theirs_in), str(theirs_out)]
        self._process = subprocess.Popen(
            [*command, BROWSER, *FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._ids = itertools.count(1)
        self._rest = b""
        self.events: list[dict[str, Any]] = []
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._in, selectors.EVENT_READ)

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._ready.close()
        os.close(self._in)
        os.close(self._out)

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not self._ready.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError(f"the browser said nothing for {SECONDS} s")
            piece = os.read(self._in, 1 << 16)
            if not piece:
                raise EOFError("the browser has ended")
            self._rest += piece
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; keep the events that arrive before it."""
        number = next(self._ids)
        command = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._out, json.dumps(command).encode() + b"\0")
        deadline = time.monotonic() + SECONDS
        while True:
            message = self._message(deadline)
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def wait_for(self, event: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not any(e.get("method") == event for e in self.events):
            self.events.append(self._message(deadline))

    def open(self, page: Path, width: int = WIDTH) -> Seen:
        """Open a file in a new tab and return what was seen."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        tab = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable", tab)
        size = {"width": width, "height": 2000, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", tab, **size)
        self.events.clear()
        self.ask("Page.navigate", tab, url=page.as_uri())
        self.wait_for("Page.loadEventFired")
        self.ask("Runtime.evaluate", tab, expression=SETTLED, awaitPromise=True)
        answer = self.ask("Runtime.evaluate", tab, expression=FACTS, returnByValue=True)
        self.ask("Target.closeTarget", targetId=target)
        requests = [e["params"]["request"]["url"] for e in self._events("Network.requestWillBeSent")]
        console = [e["params"]["entry"]["text"] for e in self._events("Log.entryAdded")]
        console += [str(e["params"]["args"]) for e in self._events("Runtime.consoleAPICalled")]
        console += [str(e["params"]["exceptionDetails"]) for e in self._events("Runtime.exceptionThrown")]
        return Seen(requests, console, answer["result"]["value"])

    def _events(self, method: str) -> list[dict[str, Any]]:
        return [e for e in self.events if e.get("method") == method]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.mark.parametrize("width", [WIDTH, PHONE])
def test_the_report_needs_nothing_but_itself(browser: Browser, finished_run: Path, width: int) -> None:
    page = finished_run / "report.html"
    seen = browser.open(page, width)
    assert seen.console == []
    assert seen.requests == [page.as_uri()]
    facts = seen.facts
    assert facts["title"].startswith("Small")
    assert "KPI table" in facts["headings"]
    assert facts["charts"] > 0
    assert facts["maps"] > 0
    assert facts["dangling"] == facts["links"] == facts["repeated"] == facts["cut"] == []
    assert facts["tooWide"] == 0


def test_the_browser_sees_what_must_not_be(browser: Browser, tmp_path: Path) -> None:
    """The watcher itself: a request, a console error and an exception are all noticed."""
    page = tmp_path / "page.html"
    page.write_text(
        '<title>x</title><img src="missing.png"><svg><use href="#gone"/></svg><div style="width:3000px">wide</div>'
        "<script>console.error('first'); throw new Error('second')</script>",
        encoding="utf-8",
    )
    seen = browser.open(page)
    assert any(url.endswith("missing.png") for url in seen.requests)
    assert any("first" in line for line in seen.console)
    assert any("second" in line for line in seen.console)
    assert seen.facts["dangling"] == ["#gone"]
    assert seen.facts["tooWide"] > 0


def test_the_report_holds_no_outside_address_that_loads(finished_run: Path, tmp_path: Path) -> None:
    """Written again elsewhere, the report is the same file: it refers to nothing beside it."""
    run = tmp_path / "elsewhere" / finished_run.name
    shutil.copytree(finished_run, run)
    before = (run / "report.html").read_bytes()
    (run / "report.html").unlink()
    assert call("report", run, cwd=tmp_path).code == 0
    assert (run / "report.html").read_bytes() == before

"""The pictures in the documents, taken of a daemon that is used for a while: ``make screenshots``.

With ``chat`` or ``dashboard`` as its argument those of that page alone.
"""

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, expect

from proxy.observe.log import configure_log
from tests.browser.watching import CHROMIUM, chromium, watched
from tests.support.running import Running, running_daemon

IMAGES = Path(__file__).parent.parent.parent / "docs" / "images"

_SHOTS: tuple[tuple[str, Literal["light", "dark"], int, int], ...] = (
    ("light", "light", 1200, 1260),
    ("dark", "dark", 1200, 1260),
    ("phone", "light", 360, 740),
)

_QUESTIONS = (
    "hello",
    "help",
    "echo: a few words",
    "count to 9",
    "[simulate: status=529] hello",
    "[simulate: slow ttft=2 rate=20] hi",
)
_TIMES = 150
# Requests: a minute or so, for the charts to have some width.

_ROUTES = (("/api/chat", "sonnet"), ("/v1/messages", "haiku"), ("/v1/chat/completions", "opus"))


def main() -> None:
    """Take them all."""
    if CHROMIUM is None:
        sys.exit("no Chromium is installed: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    settings = {"spares": "1", "keep_contents": "on"}
    with (
        Path(os.devnull).open("w") as nowhere,
        tempfile.TemporaryDirectory() as folder,
        running_daemon(Path(folder), settings=settings) as running,
        chromium() as browser,
    ):
        configure_log("info", "json", nowhere)
        wanted = sys.argv[1:] or ["dashboard", "chat"]
        if "dashboard" in wanted:
            use(running, _TIMES)
        if "chat" in wanted:
            talk(browser, running)
        for shot in _SHOTS:
            if "dashboard" in wanted:
                take(browser, running, *shot)
            if "chat" in wanted:
                take_chat(browser, running, *shot)


def use(running: Running, times: int) -> None:
    """Ask the daemon this and that, a few at once."""
    with ThreadPoolExecutor(3) as askers:
        for index in range(times):
            askers.submit(ask, running, _QUESTIONS[index % 7 % 6], *_ROUTES[index % 3])


def ask(running: Running, text: str, path: str, model: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": False, "max_tokens": 300}
    with running.client() as client:
        client.post(path, json=body)


def take(
    browser: Browser, running: Running, name: str, scheme: Literal["light", "dark"], width: int, height: int
) -> None:
    """One picture of the dashboard, as much of it as the window shows; on a wide screen one of the inspector too."""
    with watched(browser, running.url, width=width, height=height, scheme=scheme) as tab:
        page = tab.open("/dashboard")
        expect(page.locator("#connection")).to_have_text("Live")
        expect(page.locator("#totals table")).to_be_visible()
        page.screenshot(path=IMAGES / f"dashboard-{name}.png")
        if name == "light":
            page.locator("#requests button").first.click()
            expect(page.locator("#inspector")).to_contain_text("Contents")
            page.set_viewport_size({"width": 1000, "height": 760})
            page.screenshot(path=IMAGES / "dashboard-inspector.png")


if __name__ == "__main__":
    main()

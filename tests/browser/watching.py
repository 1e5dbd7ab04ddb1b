"""A tab of a browser that notes what a page must not do: errors, violations of its policy, requests that leave."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
"""The program, None where there is none."""

_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
# A root user's browser has no sandbox, and none may speak to anybody but the daemon.


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A `page` at a daemon's `url`. `faults` are what it must not have done so far."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        page.on("console", lambda message: self._note(message.type in ("error", "warning"), message.text))
        page.on("pageerror", lambda error: self._note(True, str(error)))
        page.on(
            "request",
            lambda request: self._note(not request.url.startswith((url, f"blob:{url}", "data:")), request.url),
        )

    def open(self, path: str) -> Page:
        """Go to `path` of the daemon."""
        self.page.goto(self.url + path)
        return self.page

    def _note(self, wrong: bool, text: str) -> None:
        if wrong:
            self.faults.append(text)


@contextmanager
def watched(
    browser: Browser, url: str, *, width: int = 1280, height: int = 900, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Watched]:
    """A tab of its own, without anything that another one has kept."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id="UTC", reduced_motion="reduce"
    )
    try:
        yield Watched(context.new_page(), url)
    finally:
        context.close()

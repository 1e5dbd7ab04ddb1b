"""The pictures in the documents, taken of a daemon that is used for a while: ``make screenshots``.

With ``chat`` or ``dashboard`` as its argument those of that page alone.
"""

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, expect

from proxy.chats.keeper import Keeper
from proxy.core.chats import ChatMessage
from proxy.core.request import Caller
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

_CHATS = (
    ("holiday", "Where is it warm in March?", "Try the **Canary Islands**."),
    ("review-14", "Review this diff, please: it reads a file twice", "One reading is enough."),
    ("names", "What else could one call a *manager*?", "Say what it holds: `Pool`, `Keeper`, `Ledger`."),
    (
        "moving-average",
        "How do I smooth readings that come one by one?",
        """With an **exponential moving average**: it needs one number of state, whatever the window is.

```python
class Average:
    \"\"\"Smooths readings; `share` is what a new one counts for.\"\"\"

    def __init__(self, share: float = 0.2) -> None:
        self.share = share
        self.value: float | None = None

    def add(self, reading: float) -> float:
        before = reading if self.value is None else self.value
        self.value = before + self.share * (reading - before)
        return self.value
```

| share | follows | smooths |
|:------|--------:|--------:|
| 0.5   | at once | hardly  |
| 0.05  | slowly  | a lot   |
""",
    ),
)

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
        for shot in _SHOTS:
            if "dashboard" in wanted:
                take(browser, running, *shot)
            if "chat" in wanted:
                running.run(talk(running.daemon.chats))
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


async def talk(chats: Keeper) -> None:
    """Keep what people might have said, and nothing else."""
    for chat_id, question, answer in _CHATS:
        async with chats.opened(Caller().name, chat_id, keep=0) as chat:
            asked = ChatMessage("user", question, datetime.now(UTC))
            said = ChatMessage("assistant", answer, datetime.now(UTC), (), "A rate is a count by a time.", "sonnet")
            await chats.keep(chat, asked, said)


def take_chat(
    browser: Browser, running: Running, name: str, scheme: Literal["light", "dark"], width: int, height: int
) -> None:
    """One picture of the chat page, after a question more."""
    with watched(browser, running.url, width=width, height=min(height, 1040), scheme=scheme) as tab:
        page = tab.open(f"/chat#{_CHATS[-1][0]}")
        expect(page.locator(".rendered pre")).to_be_visible()
        page.get_by_role("textbox", name="Message").fill("12 multiplied by 15")
        page.keyboard.press("Enter")
        expect(page.locator(".exchange").last.locator(".facts")).to_contain_text("tokens/s ·", timeout=20_000)
        expect(page.locator(".exchange").last.locator(".markup .plain")).to_be_empty()
        page.screenshot(path=IMAGES / f"chat-{name}.png")


if __name__ == "__main__":
    main()

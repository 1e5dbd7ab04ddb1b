"""The browser, and a daemon that it looks at."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.watching import CHROMIUM, Watched, chromium, watched
from tests.support.children import wait_until_none
from tests.support.running import Running, running_daemon


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without one these tests are skipped."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A daemon over the real CLI that keeps what is said."""
    folder = tmp_path_factory.mktemp("browsed")
    with running_daemon(folder, settings={"spares": "1", "keep_contents": "on"}) as running:
        yield running
    wait_until_none(folder)


@pytest.fixture
def tab(browser: Browser, used: Running) -> Iterator[Watched]:
    """A tab; whatever its page did, it must have made no fault."""
    with watched(browser, used.url) as opened:
        yield opened
        assert opened.faults == []

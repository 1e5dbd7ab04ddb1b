"""The description of the API in Swagger UI and Redoc: drawn, without the internet, within their policies."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.watching import Watched, watched
from tests.support.running import Running


def test_swagger_ui_shows_every_operation_and_tries_one_out(tab: Watched) -> None:
    page = tab.open("/docs")
    expect(page.locator(".opblock").first).to_be_visible(timeout=15_000)
    paths = page.locator(".opblock-summary-path").all_inner_texts()
    assert {"/api/chat", "/v1/messages", "/admin/status"} <= {path.replace("\u200b", "") for path in paths}
    version = page.locator("#operations-Ollama-get_api_version")
    version.locator(".opblock-summary-control").first.click()
    version.get_by_role("button", name="Execute").click()
    expect(version.locator(".live-responses-table")).to_contain_text("0.32")


def test_redoc_shows_the_description(tab: Watched) -> None:
    page = tab.open("/redoc")
    expect(page.locator("h1", has_text="claude-ollama-server")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Answer a conversation").first).to_be_attached()


@pytest.mark.parametrize("path", ["/dashboard", "/docs", "/redoc"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_has_the_header_and_stays_within_its_policy(
    browser: Browser, used: Running, path: str, scheme: str
) -> None:
    with watched(browser, used.url, scheme=scheme) as tab:  # type: ignore[arg-type]
        page = tab.open(path)
        expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
        page.wait_for_load_state("load")
        expect(page.locator(".busy")).to_have_count(0, timeout=15_000)
        assert tab.faults == []

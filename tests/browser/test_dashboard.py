"""The dashboard as people use it: it shows what runs, by keyboard too, and tells when it knows nothing new."""

import threading
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from proxy.observe.lines import RECENT
from tests.browser.watching import Watched, watched
from tests.support.keys import keep, make_key, secret_of
from tests.support.running import Running, running_daemon, write_fake_cli

SLOW = "[simulate: slow ttft=3 rate=20] hello"


def ask(running: Running, id: str, text: str = "hello", path: str = "/api/chat", model: str = "sonnet") -> None:
    body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": False, "max_tokens": 500}
    with running.client() as client:
        client.post(path, json=body, headers={"x-request-id": id})


def live(page: Page) -> None:
    expect(page.locator("#connection")).to_have_text("Live")


def test_what_runs_and_what_ended_is_shown_as_it_happens(tab: Watched, used: Running) -> None:
    page = tab.open("/dashboard")
    live(page)
    expect(page.locator("#processes")).to_contain_text("spare")
    ask(used, "seen-1")
    ask(used, "seen-2", "[simulate: status=529] hello", "/v1/messages", "haiku")
    rows = page.locator("#requests tr")
    expect(rows.first).to_contain_text("529 upstream failed")
    expect(rows.nth(1)).to_contain_text("200 complete")
    expect(page.locator("#totals")).to_contain_text("upstream failed 1 ×", timeout=10_000)
    page.get_by_label("failed ones only").check()
    expect(rows.nth(1)).to_be_hidden()
    for id in ("requests", "latency", "tokens", "cost", "load", "host"):
        expect(page.locator(f"#chart-{id} svg")).to_have_count(1)


def test_a_request_is_seen_while_it_runs(tab: Watched, used: Running) -> None:
    page = tab.open("/dashboard")
    live(page)
    asking = threading.Thread(target=ask, args=(used, "running-1", SLOW))
    asking.start()
    expect(page.locator("#running")).to_contain_text("POST /api/chat")
    asking.join()
    expect(page.locator("#running")).to_have_text("Nothing runs.")


def test_a_request_is_inspected_by_the_keyboard_alone(tab: Watched, used: Running) -> None:
    ask(used, "typed-1", "what <b>is</b> this")
    page = tab.open("/dashboard")
    live(page)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    button = page.locator("#requests button").first
    for _ in range(40):
        page.keyboard.press("Tab")
        if button.evaluate("it => it === document.activeElement"):
            break
    page.keyboard.press("Enter")
    dialog = page.locator("#inspector")
    expect(dialog).to_contain_text("Request typed-1")
    expect(dialog).to_contain_text("what <b>is</b> this")
    expect(dialog).to_contain_text("Answered by")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()


def test_a_chart_is_read_with_the_arrow_keys(tab: Watched, used: Running) -> None:
    ask(used, "chart-1")
    page = tab.open("/dashboard")
    live(page)
    chart = page.locator("#chart-requests")
    expect(chart.locator(".reading")).to_contain_text("requests at most")
    chart.focus()
    page.keyboard.press("ArrowLeft")
    expect(chart.locator(".reading")).to_contain_text(": requests ")
    page.keyboard.press("Escape")
    expect(chart.locator(".reading")).to_contain_text("requests at most")


def test_the_log_is_followed_filtered_and_held(tab: Watched) -> None:
    page = tab.open("/dashboard")
    live(page)
    line = {"level": "warning", "text": "<script>alert(1)</script>"}
    RECENT.take(None, "warning", {"event": "first_line", **line})
    shown = page.locator("#log li", has_text="first_line")
    expect(shown).to_contain_text("text=<script>alert(1)</script>")
    page.get_by_label("From").select_option("error")
    expect(shown).to_be_hidden()
    page.get_by_label("From").select_option("debug")
    page.get_by_role("button", name="Pause").click()
    RECENT.take(None, "warning", {"event": "held_line", **line})
    expect(page.get_by_role("button", name="Go on (1)")).to_be_visible()
    expect(page.locator("#log li", has_text="held_line")).to_have_count(0)
    page.get_by_role("button", name="Go on (1)").click()
    expect(page.locator("#log li", has_text="held_line")).to_be_visible()


def test_it_fits_a_phone(browser: Browser, used: Running) -> None:
    with watched(browser, used.url, width=360, height=740) as tab:
        page = tab.open("/dashboard")
        live(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert tab.faults == []


def test_a_daemon_that_is_gone_is_told_and_found_again(browser: Browser, tmp_path: Path) -> None:
    cli = write_fake_cli(tmp_path)
    with running_daemon(tmp_path / "one", cli=cli) as first:
        port = first.url.rpartition(":")[2]
        with watched(browser, first.url) as tab:
            page = tab.open("/dashboard")
            live(page)
            first.server.should_exit = True
            expect(page.locator("#connection")).to_contain_text("trying again in")
            expect(page.locator("#connection")).to_contain_text("The daemon does not answer", timeout=10_000)
            with running_daemon(tmp_path / "two", cli=cli, settings={"port": port}):
                expect(page.locator("#connection")).to_have_text("Live", timeout=15_000)


def test_a_key_is_asked_for_where_one_is_needed_and_kept_in_the_tab(browser: Browser, tmp_path: Path) -> None:
    keep(tmp_path / "state", [make_key("ann"), make_key("root", admin=True)])
    settings = {"state_folder": str(tmp_path / "state"), "trusted_proxies": "127.0.0.1"}
    cli = write_fake_cli(tmp_path)
    with running_daemon(tmp_path, cli=cli, settings=settings) as running, watched(browser, running.url) as tab:
        page = tab.open("/dashboard")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("an admin key")
        page.keyboard.type(secret_of("ann"))
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("not an admin's")
        page.keyboard.type(secret_of("root"))
        page.keyboard.press("Enter")
        live(page)
        page.reload()
        live(page)
        assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 1, ""]

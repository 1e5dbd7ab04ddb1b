"""The chat page as people use it: with the mouse, by keyboard alone, on a phone, and when something goes wrong."""

import base64
import json
import re
from pathlib import Path
from uuid import uuid4

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.watching import Watched, watched
from tests.support.chatting import png
from tests.support.keys import keep, make_key, secret_of
from tests.support.running import Running, running_daemon, write_fake_cli

SLOW = "[simulate: slow ttft=0.2 rate=10] hello"

HOSTILE = """# Hostile
<script>window.broken = 1</script> <img src=x onerror="window.broken = 2"> [x](javascript:window.broken=3)
![pixel](https://evil.example/pixel.png) [ok](https://good.example "t")

```html
<script>window.broken = 4</script>
```
"""

PASTE = """([id, data]) => {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], "picture.png", { type: "image/png" }));
  const place = document.getElementById(id);
  const made = id === "text"
    ? new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true });
  place.dispatchEvent(made);
}"""


def simulated(text: str) -> str:
    """A message that is answered with `text`."""
    return f"[simulate: text {json.dumps(text)}]"


def write(page: Page, text: str) -> None:
    """Write a message and send it."""
    page.get_by_role("textbox", name="Message").fill(text)
    page.keyboard.press("Enter")


def answered(page: Page, times: int) -> Locator:
    """The exchanges, once there are so many and the last one is whole."""
    exchanges = page.locator(".exchange")
    expect(exchanges).to_have_count(times)
    expect(exchanges.last.locator(".facts")).to_contain_text("tokens/s ·", timeout=20_000)
    return exchanges


def contents(running: Running, chat_id: str) -> list[str]:
    """What the daemon keeps of a chat, without its system prompt."""
    with running.client() as client:
        told = client.get(f"/chat/history/{chat_id}").json()
    return [message["content"] for message in told["history"]["messages"][1:]] if told["success"] else []


def begin(tab: Watched, *messages: str) -> tuple[Page, str]:
    """A chat of an id of its own, in which `messages` were answered."""
    page, chat_id = tab.open("/chat"), f"browsed-{uuid4().hex[:8]}"
    page.get_by_label("Id").fill(chat_id)
    for index, message in enumerate(messages):
        write(page, message)
        answered(page, index + 1)
    return page, chat_id


def open_menu(page: Page, name: str) -> Locator:
    """A button of the menu, which is open."""
    page.get_by_text("More", exact=True).click()
    return page.get_by_role("button", name=name)


def test_a_chat_goes_on_and_is_kept_and_opened_again_by_its_address(tab: Watched, used: Running) -> None:
    page, chat_id = begin(tab, "my name is Ann", "what is my name?")
    expect(page.locator(".exchange").last.locator(".rendered")).to_contain_text("Ann")
    expect(page.locator("#announcer")).to_contain_text("Answer: ")
    expect(page.locator("#chats [aria-current]")).to_contain_text(chat_id)
    assert page.url.endswith(f"#{chat_id}")
    page.reload()
    expect(page.locator("h1")).to_have_text("my name is Ann")
    expect(page.locator(".exchange")).to_have_count(2)
    write(page, "how many messages are there?")
    answered(page, 3)
    assert len(contents(used, chat_id)) == 6


def test_a_model_is_chosen_and_answers(tab: Watched) -> None:
    page = tab.open("/chat")
    page.get_by_label("Model").select_option("haiku")
    write(page, "hello")
    expect(answered(page, 1).locator(".facts")).to_contain_text("haiku · first token after")
    page.reload()
    expect(page.get_by_label("Model")).to_have_value(re.compile("haiku"))


def test_an_answer_is_stopped_here_and_upstream_and_asked_for_again(tab: Watched, used: Running) -> None:
    page, chat_id = begin(tab, "echo: first")
    write(page, f"{SLOW} [simulate: words 200 rate=10]")
    expect(page.locator(".exchange").last.locator(".markup")).to_contain_text("2", timeout=10_000)
    expect(page.locator(".exchange").last.locator(".facts")).to_contain_text("First token after")
    assert used.simulator.open_requests == 1
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".exchange").last).to_contain_text("Stopped.")
    used.until(lambda: used.simulator.open_requests == 0, "stopped upstream")
    assert contents(used, chat_id) == ["echo: first", "first"]
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".exchange").last).to_contain_text("Stopped.")
    expect(page.locator(".exchange")).to_have_count(2)


def test_an_answer_is_regenerated_in_place_of_the_last_one(tab: Watched, used: Running) -> None:
    page, chat_id = begin(tab, "echo: first", "echo: second")
    before = len(used.sent())
    page.get_by_role("button", name="Regenerate").click()
    answered(page, 2)
    assert len(used.sent()) > before
    assert contents(used, chat_id) == ["echo: first", "first", "echo: second", "second"]


def test_an_earlier_question_is_edited_and_what_followed_it_goes(tab: Watched, used: Running) -> None:
    page, chat_id = begin(tab, "echo: first", "echo: second", "echo: third")
    page.get_by_role("textbox", name="Message").fill("a draft")
    page.get_by_role("button", name="Edit question").nth(1).click()
    field = page.get_by_role("textbox", name="Message")
    expect(field).to_have_value("echo: second")
    page.get_by_role("button", name="Leave it as it is").click()
    expect(field).to_have_value("a draft")
    page.get_by_role("button", name="Edit question").nth(1).click()
    write(page, "echo: other")
    answered(page, 2)
    assert contents(used, chat_id) == ["echo: first", "first", "echo: other", "other"]


def test_an_edited_question_that_fails_takes_nothing_away(tab: Watched, used: Running) -> None:
    page, chat_id = begin(tab, "echo: first")
    page.get_by_role("button", name="Edit question").click()
    write(page, "[simulate: error after=3] broken")
    expect(page.locator(".exchange").last.locator(".notice.bad")).to_be_visible(timeout=20_000)
    expect(page.locator(".exchange")).to_have_count(2)
    expect(page.locator(".exchange").first).to_contain_text("echo: first")
    expect(page.locator(".exchange").last).to_contain_text("[simulate: error after=3] broken")
    assert contents(used, chat_id) == ["echo: first", "first"]
    page.get_by_role("button", name="Edit question").last.click()
    write(page, "echo: mended")
    answered(page, 1)
    assert contents(used, chat_id) == ["echo: mended", "mended"]


def test_pictures_are_pasted_dropped_chosen_removed_and_sent(tab: Watched, used: Running, tmp_path: Path) -> None:
    page, chat_id = begin(tab)
    picture = tmp_path / "picture.png"
    picture.write_bytes(base64.b64decode(png(30, 20)))
    shown = page.locator("#attachments img")
    page.evaluate(PASTE, ["text", png(10, 10)])
    expect(shown).to_have_count(1)
    page.evaluate(PASTE, ["talk", png(20, 20)])
    expect(shown).to_have_count(2)
    page.locator("#files").set_input_files([picture, Path(__file__)])
    expect(shown).to_have_count(3)
    expect(page.locator("#attachment-problem")).to_contain_text("test_chat.py is no PNG")
    page.get_by_role("button", name="Remove picture 1").click()
    page.get_by_role("button", name="Remove picture 1").click()
    expect(shown).to_have_count(1)
    write(page, "what is in the image?")
    expect(answered(page, 1).locator(".markup")).to_contain_text("30")
    expect(page.locator("#attachments")).to_be_hidden()
    page.reload()
    kept = page.locator(".question img")
    expect(kept).to_have_count(1)
    assert kept.evaluate("(it) => it.decode().then(() => [it.naturalWidth, it.naturalHeight])") == [30, 20]
    assert chat_id in page.url


def test_thinking_is_folded_while_it_comes_and_when_it_is_kept(tab: Watched) -> None:
    page, _ = begin(tab, "echo: first")
    page.get_by_label("Thinking").select_option("high")
    write(page, "[simulate: think 12] echo: thought")
    fold = answered(page, 2).last.locator("details")
    expect(fold).to_be_visible()
    expect(fold).not_to_have_attribute("open", "")
    fold.locator("summary").click()
    expect(fold.locator(".plain")).not_to_be_empty()
    page.reload()
    expect(page.locator(".exchange").last.locator("details")).to_be_visible()


def test_hostile_markdown_is_harmless_and_code_is_copied(tab: Watched) -> None:
    page, _ = begin(tab, simulated(HOSTILE))
    shown = page.locator(".exchange").last.locator(".rendered")
    expect(shown.locator("h3")).to_have_text("Hostile")
    expect(shown).to_contain_text("<script>window.broken = 1</script>")
    assert shown.locator("img, script, iframe").count() == 0
    assert page.evaluate("window.broken") is None
    assert [link.get_attribute("rel") for link in shown.locator("a[href]").all()] == ["noopener noreferrer"] * 2
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.get_by_role("button", name="Copy code").click()
    expect(shown.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "<script>window.broken = 4</script>\n"
    write(page, HOSTILE)
    answered(page, 2)
    assert page.evaluate("window.broken") is None


def test_a_late_rendering_never_takes_the_place_of_a_newer_one(tab: Watched) -> None:
    page, _ = begin(tab)
    write(page, "[simulate: words 60 rate=60]")
    rendered = answered(page, 1).locator(".rendered")
    expect(rendered).to_contain_text("60")
    expect(page.locator(".exchange .markup .plain")).to_be_empty()


def test_chats_are_found_exported_and_deleted(tab: Watched, used: Running) -> None:
    page, chat_id = begin(tab, f"echo: needle-{uuid4().hex}")
    needle = contents(used, chat_id)[1]
    page.get_by_label("Search kept chats").fill("nothing has this in it")
    expect(page.locator("#chats-state")).to_have_text("No kept chat has this in it.")
    page.get_by_label("Search kept chats").fill(needle.upper())
    expect(page.locator("#chats a")).to_have_count(1)
    with page.expect_download() as saved:
        open_menu(page, "Export as JSON").click()
    assert json.loads(saved.value.path().read_text())["history"]["messages"][2]["content"] == needle
    assert saved.value.suggested_filename == f"{chat_id}.json"
    with page.expect_download() as saved:
        open_menu(page, "Export as Markdown").click()
    assert f"## You\n\necho: {needle}\n\n## sonnet\n\n{needle}\n" in saved.value.path().read_text()
    open_menu(page, "Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert contents(used, chat_id)
    open_menu(page, "Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#chats-state")).to_have_text("No kept chat has this in it.")
    expect(page.locator("h1")).to_have_text("New chat")
    assert contents(used, chat_id) == []


def test_an_answer_goes_on_while_another_chat_is_looked_at(tab: Watched, used: Running) -> None:
    page, chat_id = begin(tab, "echo: first")
    write(page, "[simulate: words 20 rate=10]")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.get_by_role("link", name="New chat").click()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    page.go_back()
    answered(page, 2)
    assert len(contents(used, chat_id)) == 4


def test_a_chat_is_begun_found_and_deleted_by_the_keyboard_alone(tab: Watched, used: Running) -> None:
    page = tab.open("/chat")

    def reach(target: Locator) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if target.evaluate("it => it === document.activeElement"):
                return
        raise AssertionError(f"never reached: {target}")

    chat_id = f"typed-{uuid4().hex[:8]}"
    reach(page.get_by_label("Id"))
    page.keyboard.type(chat_id)
    reach(page.get_by_role("textbox", name="Message"))
    page.keyboard.type("echo: one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    answered(page, 1)
    assert contents(used, chat_id)[0] == "echo: one\ntwo"
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    page.reload()
    reach(page.locator("#more summary"))
    page.keyboard.press("Enter")
    reach(page.get_by_role("button", name="Delete…"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("New chat")
    assert contents(used, chat_id) == []


def test_it_fits_a_phone_with_the_kept_chats_behind_a_button(browser: Browser, used: Running) -> None:
    with watched(browser, used.url, width=360, height=740) as tab:
        page, chat_id = begin(
            tab, simulated("| a | b |\n|--|--|\n| 1 | 2 |\n\n```\n" + "x" * 200 + "\n```\n" + "y" * 200)
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        expect(page.get_by_role("button", name="Send")).to_be_in_viewport()
        expect(page.locator("#sidebar")).to_be_hidden()
        page.get_by_role("button", name="Chats").click()
        page.get_by_role("link", name=chat_id).click()
        expect(page.locator("#sidebar")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert tab.faults == []


def test_what_fails_is_told_and_tried_again_and_the_text_is_not_lost(browser: Browser, used: Running) -> None:
    with watched(browser, used.url) as tab:
        page, chat_id = begin(tab)
        write(page, "[simulate: status=529 times=3] echo: again")
        # The CLI itself tries three times.
        expect(page.locator(".exchange .notice.bad")).to_be_visible(timeout=30_000)
        expect(page.locator(".question")).to_contain_text("echo: again")
        page.get_by_role("button", name="Try again").click()
        answered(page, 1)
        assert len(contents(used, chat_id)) == 2
        # The browser itself says that a request had no good status.
        assert all(fault.startswith("Failed to load resource") for fault in tab.faults)


def test_a_key_is_asked_for_where_one_is_needed(browser: Browser, tmp_path: Path) -> None:
    keep(tmp_path / "state", [make_key("ann")])
    cli = write_fake_cli(tmp_path)
    settings = {"state_folder": str(tmp_path / "state")}
    with running_daemon(tmp_path, cli=cli, settings=settings) as running, watched(browser, running.url) as tab:
        page = tab.open("/chat")
        expect(page.get_by_role("dialog")).to_have_count(1)
        page.keyboard.type(secret_of("ann"))
        page.keyboard.press("Enter")
        expect(page.locator("#chats-state")).to_have_text("No chat is kept yet.")
        write(page, "hello")
        answered(page, 1)
        page.reload()
        expect(page.locator("#chats a")).to_have_count(1)
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert all(fault.startswith("Failed to load resource") for fault in tab.faults)

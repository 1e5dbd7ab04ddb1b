"""The pages: within strict policies, cached by their tags, all of their files in the wheel."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from proxy.api.access import is_open
from proxy.web.pages import PAGES, STATIC, VENDOR, Page, PageRoutes

ROOT = Path(__file__).parent.parent.parent
APPLICATION = Starlette(routes=PageRoutes().routes())


async def get(path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=APPLICATION)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
async def test_a_page_is_served_within_its_policy(page: Page) -> None:
    answer = await get(page.path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in re.sub("style-src[^;]*", "", policy)
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_whoever_has_a_page_already_is_sent_nothing() -> None:
    first = await get("/dashboard")
    again = await get("/dashboard", **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


async def test_the_page_that_is_open_is_the_current_one_in_the_header() -> None:
    text = (await get("/dashboard")).text
    assert re.findall(r'href="([^"]*)" aria-current="page"', text) == ["/dashboard"]


@pytest.mark.parametrize("name", ["nothing.js", "dashboard.html", "..%2fpages.py", "%2e%2e", ""])
async def test_there_is_no_other_file(name: str) -> None:
    assert (await get(f"/static/{name}")).status_code == 404


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
async def test_every_file_that_a_page_names_is_there_and_needs_no_key(page: Page) -> None:
    names = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', (await get(page.path)).text))
    assert names
    for name in names:
        assert (await get(name)).status_code == 200, name
        assert is_open("GET", name)
    assert is_open("GET", page.path)
    assert not is_open("POST", page.path)


def test_the_files_of_pages_are_part_of_the_wheel_with_the_licences_of_others(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    ours = {path.relative_to(ROOT).as_posix() for folder in (STATIC, VENDOR) for path in folder.rglob("*.*")}
    licences = {f"proxy/web/vendor/{name}/LICENSE" for name in ("swagger-ui", "redoc")}
    with zipfile.ZipFile(wheel) as files:
        assert ours | licences <= set(files.namelist())


def test_of_two_files_none_has_the_name_of_the_other() -> None:
    names = [path.name for path in (*STATIC.iterdir(), *VENDOR.glob("*/*")) if path.suffix in (".js", ".css")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.html")), ids=lambda path: path.name)
def test_no_page_has_a_script_or_a_style_within_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)

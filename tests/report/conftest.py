"""A real browser, and pages opened in it from files."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Page, Request, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Chromium runs as root in containers, without a screen; and looks for nothing on the network."""

Opener = Callable[[str | Path], Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, closed after each module, as other tests need the event loop that it occupies."""
    path = shutil.which(os.environ.get("HARNESS_CHROMIUM", "chromium"))
    if path is None:
        pytest.skip("Chromium is not installed: install chromium, or set HARNESS_CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Opens a page, given as text or as a file; afterwards it must have complained of nothing.

    That is: no error in the console, no request but for files, no dialog, which only an injected script
    would open.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    complaints: list[str] = []

    def console(message: ConsoleMessage) -> None:
        complaints.append(f"console: {message.type} {message.text}")

    def error(problem: Error) -> None:
        complaints.append(f"error: {problem}")

    def request(sent: Request) -> None:
        if not sent.url.startswith(("file:", "data:")):
            complaints.append(f"request: {sent.url}")

    def dialog(shown: Dialog) -> None:
        complaints.append(f"dialog: {shown.message}")
        shown.dismiss()

    def open_page(source: str | Path) -> Page:
        path = source
        if isinstance(source, str):
            path = tmp_path / "page.html"
            path.write_text(source, encoding="utf-8")
        assert isinstance(path, Path)
        page = context.new_page()
        page.on("console", console)
        page.on("pageerror", error)
        page.on("request", request)
        page.on("dialog", dialog)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield open_page
    context.close()
    assert complaints == []

"""Fixtures of the browser tests: one server and one Chromium for all of them, a fresh context for each."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from orthoui.bench.browser import CHROMIUM_OPTIONS, NoBrowserError, find_chromium
from tests.browser.driver import RUNNING, Server, start_server

HERE = Path(__file__).parent
VIEWPORT = ViewportSize(width=1280, height=900)
LOG_CHARACTERS = 6000


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for server in RUNNING:
            report.sections.append((f"server log of {server.url}", server.log()[-LOG_CHARACTERS:]))
    return report


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real app, started once for all browser tests with an empty home folder."""
    with start_server(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium. None to be had is a failure that says what to do, never a skip."""
    try:
        executable = find_chromium()
    except NoBrowserError as error:
        pytest.fail(str(error), pytrace=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_OPTIONS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of 1280 × 900 pixels in a context of its own: no cookies or choices of another test."""
    context = browser.new_context(viewport=VIEWPORT)
    yield context.new_page()
    context.close()

"""The benchmark's stopwatch on the real page: it sees every moment, in order. How long they take is not tested."""

from playwright.sync_api import Browser

from orthoui.bench import page as on
from orthoui.bench.clock import Budget
from orthoui.bench.live import fresh_page, timed_steps
from tests.browser.driver import Server

SECONDS = 240.0


def test_steps_of_the_slider_are_timed(browser: Browser, server: Server) -> None:
    with fresh_page(browser) as page:
        page.goto(server.url)
        on.wait_exact(page, SECONDS)
        on.wait_complete(page, SECONDS)
        rows = timed_steps(page, 2, 1, Budget(None))
        assert on.slider_value(page) == 0.03
    headline, _, exact, _, sent, hurried = (row.value for row in rows)
    assert headline is not None and exact is not None and sent is not None and hurried is not None
    assert 0 < sent <= headline <= exact

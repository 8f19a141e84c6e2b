"""Methods in a real browser: run some on the embedded model, read the table, open a result on another page."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driver import Server, start_server, wait_settled

FINISHED = 240_000
SHOWN = 60_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("home"), OMP_NUM_THREADS="1") as running:
        yield running


def test_methods_run_side_by_side_and_a_result_opens_in_forget(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/methods?classes=7&methods=soft-pruning")
    wait_settled(page)
    headline = page.locator(".st-key-headline h2")
    expect(headline).to_have_text("How would other methods forget Sneaker? Choose some and run them.")
    page.get_by_role("button", name="Run Soft pruning").click()
    indicator = page.locator(".st-key-jobs_indicator")
    expect(indicator).to_contain_text(re.compile(r"1 job running|waiting"), timeout=SHOWN)
    expect(headline).to_contain_text("Soft pruning forgets Sneaker in", timeout=FINISHED)
    expect(indicator).to_have_count(0, timeout=FINISHED)
    wait_settled(page)
    charts = page.locator(".js-plotly-plot")
    expect(charts).to_have_count(3)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.evaluate("innerWidth")

    page.locator(".st-key-methods_pinned").get_by_role("button", name="Retrain").click()
    expect(page).to_have_url(re.compile(r"pinned=\d{8}-"))
    expect(charts).to_have_count(6, timeout=SHOWN)  # two matrices and the likeness to the original more
    expect(page.get_by_text("it is the retrained model itself")).to_be_visible()
    page.get_by_role("button", name="Open in Forget").click()
    expect(headline).to_contain_text("Sneaker forgotten: ", timeout=SHOWN)
    expect(page.get_by_text("After: Retrain")).to_be_visible()
    wait_settled(page)
    expect(page).to_have_url(re.compile(r"result=\d{8}-"))
    page.get_by_role("button", name="Back to soft pruning").click()
    expect(page.get_by_role("slider", name="Ratio")).to_be_visible(timeout=SHOWN)


def test_the_results_follow_the_chosen_class(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/methods?classes=7")
    wait_settled(page)
    headline = page.locator(".st-key-headline h2")
    expect(headline).to_contain_text("forgets Sneaker", timeout=SHOWN)
    choices = page.locator(".st-key-classes")
    choices.get_by_role("button", name="Bag").click()
    expect(headline).to_contain_text("forget Sneaker and Bag?", timeout=SHOWN)
    choices.get_by_role("button", name="Sneaker").click()
    expect(headline).to_have_text("How would other methods forget Bag? Choose some and run them.", timeout=SHOWN)

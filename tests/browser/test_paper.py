"""The Paper page in a real browser: what is committed is shown, differences are coloured, a cell opens in Forget."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from orthoui.paper.answers import answer
from orthoui.paper.curves import number
from orthoui.paper.schema import Draw, Table
from orthoui.paper.setting import EMBEDDED, TABLE_TITLES, TABLES, Setting
from orthoui.paper.store import shelf, write_table
from orthoui.settings import app_folder
from orthoui.ui.link import to_query
from orthoui.ui.view import View
from tests.browser.driver import Server, start_server, wait_settled
from tests.paper.made import accuracies, table

COMMITTED = shelf([app_folder() / "docs" / "paper"]).tables
SETTINGS = list(dict.fromkeys(found.setting for found in COMMITTED.values()))
MADE = Setting(read_at="relu")  # the paper's own networks, so that its numbers compare; nobody commits this one
COLOURS = {"worse": "rgb(154, 61, 119)", "better": "rgb(138, 100, 0)"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that finds one more table, with numbers to compare with the printed ones."""
    home = tmp_path_factory.mktemp("home")
    values = {"orthogonal/0.05/floor": accuracies(30, 95), "plain/0.05/floor": accuracies(20, 89.6)}
    write_table(home / "paper" / MADE.file_name("table-3a"), table("table-3a", values, MADE))
    with start_server(home, OMP_NUM_THREADS="1") as running:
        yield running


def opened(page: Page, server: Server, setting: Setting) -> None:
    query = to_query(View(model="-", request=some_draw().request, paper=setting))
    page.goto(f"{server.url}/paper?" + "&".join(f"{name}={query[name]}" for name in query if name[:6] == "paper_"))
    wait_settled(page)


def some_draw() -> Draw:
    (cell, *_) = COMMITTED[EMBEDDED.file_name("table-3a")].measured
    return cell.draws[0]


def section(page: Page, name: str) -> Locator:
    return page.locator(".paper").nth(TABLES.index(name))  # type: ignore[arg-type]


def check(page: Page, made: Table) -> None:
    """The answer, and every measured number with the printed one of its cell."""
    expect(page.get_by_role("heading", name=TABLE_TITLES[made.table], exact=True)).to_be_visible()
    expect(page.get_by_text(answer(made).sentence)).to_be_visible()
    text = section(page, made.table).inner_text()
    for cell in made.measured:
        if not cell.quantities:  # a row of pictures
            expect(page.locator(".paper-looks")).to_contain_text(cell.row)
            continue
        assert cell.row in text, cell.id
        for name, found in cell.measured.items():
            assert number(name, found.mean) in text, (cell.id, name)
        for name, value in cell.printed.items():
            assert f"printed {number(name, value)}" in text, (cell.id, name)


@pytest.mark.parametrize("setting", SETTINGS, ids=[setting.name for setting in SETTINGS])
def test_every_committed_table_is_shown(server: Server, page: Page, setting: Setting) -> None:
    opened(page, server, setting)
    expect(page.locator(".st-key-headline h2")).to_contain_text(f"On {setting.title}, ")
    for name in TABLES:
        made = COMMITTED.get(setting.file_name(name))
        if made is not None:
            check(page, made)


def test_differences_are_words_in_colour_and_what_is_not_run_says_what_to_do(server: Server, page: Page) -> None:
    opened(page, server, EMBEDDED)
    choice = page.get_by_role("combobox", name="Measured on")
    choice.click()
    choice.fill("read at relu")
    choice.press("Enter")
    wait_settled(page)
    expect(page).to_have_url(re.compile("paper_dataset=cifar10&.*paper_read_at=relu"))
    ours = section(page, "table-3a")
    worse, better = ours.locator("i.worse"), ours.locator("i.better")
    expect(worse).to_have_text("30.0 points worse")
    expect(better).to_have_text("4.7 points better")
    # less of the class left in a network that the method is not made for is neither
    expect(ours.locator("i.neutral")).to_have_text("lower by 23.3 points")
    for name, marks in (("worse", worse), ("better", better)):
        expect(marks.first).to_have_css("color", COLOURS[name])
    expect(ours.locator("i.same")).to_have_text("as printed")

    cell = ours.locator("details", has_text="not yet run").first
    cell.locator("summary").click()
    expect(cell.locator("p")).to_be_visible()
    expect(cell.locator("p code").last).to_have_text(re.compile("^orthoui reproduce table-3a .*--read-at relu$"))

    heading = page.locator(".st-key-headline h2").inner_text()
    page.reload()
    wait_settled(page)
    expect(page.locator(".st-key-headline h2")).to_have_text(heading)


def test_a_cell_opens_its_request_in_forget(server: Server, page: Page) -> None:
    draw = some_draw()
    assert draw.request is not None
    opened(page, server, EMBEDDED)
    cell = section(page, "table-3a").locator("details", has_text="Open in Forget").first
    cell.locator("summary").click()
    cell.get_by_role("link", name="Open in Forget").first.click()
    expect(page.locator(".st-key-headline h2")).to_contain_text("Trouser", timeout=90_000)
    wait_settled(page)
    address = urlsplit(page.url)
    assert address.path == "/"
    assert dict(parse_qsl(address.query)) == to_query(View(model=draw.model, request=draw.request))

"""The Forget page in a real browser: what a person sees, does, copies and downloads."""

import csv
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from orthoui.bench.page import SLIDER, wait_complete
from tests.browser.conftest import VIEWPORT
from tests.browser.driver import Server, free_port, start_server, wait_settled

SECONDS = 120
SOON = 60_000
SETTING = "strength=1&attenuation=uniform&target=bn&scope=stage%3A4"
NETWORKS = ["before", "after", "retrained without it", "random channels", "logit mask"]
CHANGE = re.compile(r"(\d+\.\d) → (\d+\.\d) %; the other nine: (\d+\.\d) → (\d+\.\d) %\.")

# Every headline that the page shows from now on, in order; a chart or a table could not be told apart by its class.
RECORD = """() => {
    window.headlines = [];
    const look = () => window.headlines.push(document.querySelector('.st-key-headline h2')?.textContent ?? '');
    look();
    new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
}"""
MARK = """element => {
    const mark = element.querySelector('.scatterlayer .point');
    const chart = element.querySelector('.js-plotly-plot');
    const place = mark.getBoundingClientRect();
    const trace = chart.calcdata.find(points => points.includes(mark.__data__))[0].trace;
    return {
        x: place.x + place.width / 2, y: place.y + place.height / 2, customdata: trace.customdata[mark.__data__.i],
    };
}"""


def headline(page: Page) -> Locator:
    return page.locator(".st-key-headline h2")


def opened(page: Page, address: str) -> Page:
    """Open an address and wait until everything on the page is measured and the link is written."""
    page.goto(address)
    wait_complete(page, SECONDS)
    wait_settled(page)
    return page


def setting(page: Page) -> dict[str, str]:
    """What the address bar says."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def table(page: Page) -> dict[str, list[str]]:
    rows = page.locator(".evidence tbody tr").all()
    return {row.locator("th").inner_text().strip(): row.locator("td").all_inner_texts() for row in rows}


@contextmanager
def someone(browser: Browser, scheme: str = "light") -> Iterator[Page]:
    """A person with a browser of their own."""
    context = browser.new_context(viewport=VIEWPORT, color_scheme="dark" if scheme == "dark" else "light")
    failures: list[str] = []
    context.on("weberror", lambda error: failures.append(str(error.error)))
    yield context.new_page()
    context.close()
    assert failures == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_complete_without_a_click(server: Server, browser: Browser, scheme: str) -> None:
    with someone(browser, scheme) as page:
        opened(page, server.url)
        expect(headline(page)).to_contain_text(re.compile(r"^Sneaker forgotten: " + CHANGE.pattern))
        assert list(table(page)) == NETWORKS
        expect(page.locator('[data-testid="stPlotlyChart"] .main-svg').first).to_be_visible()
        expect(page.locator('[data-testid="stPlotlyChart"]')).to_have_count(4)
        expect(page.get_by_role("alert")).to_have_count(0)
        assert setting(page)["classes"] == "7"
        expect(page.locator(".chart-head b")).to_have_count(4)
        inks = page.locator(".st-key-headline h2, .evidence td, .chart-head b, .chart-head p").evaluate_all(
            "elements => elements.map(one => getComputedStyle(one).color)"
        )
        for ink in inks:
            red, green, blue = (int(part) for part in re.findall(r"\d+", ink)[:3])
            assert (red + green + blue > 3 * 128) == (scheme == "dark"), ink


def test_the_slider_moves_by_keyboard_and_takes_headline_and_link_along(server: Server, page: Page) -> None:
    opened(page, f"{server.url}/?classes=7&ratio=0.1&{SETTING}")
    before = headline(page).inner_text()
    page.focus(SLIDER)
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    expect(headline(page)).not_to_have_text(before, timeout=SOON)
    wait_complete(page, SECONDS)
    expect(page).to_have_url(re.compile("ratio=0.07(&|$)"), timeout=SOON)
    expect(headline(page)).not_to_contain_text("≈")


def test_going_back_undoes_what_was_set_and_leads_out_of_a_page(server: Server, page: Page) -> None:
    opened(page, f"{server.url}/?classes=7&ratio=0.1&{SETTING}")
    before, link = headline(page).inner_text(), page.url
    page.focus(SLIDER)
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("ratio=0.09(&|$)"), timeout=SOON)
    expect(headline(page)).not_to_have_text(before, timeout=SOON)
    wait_settled(page)
    page.go_back()
    expect(page).to_have_url(link, timeout=SOON)
    wait_settled(page)
    expect(headline(page)).to_have_text(before, timeout=SOON)
    assert page.url == link

    page.get_by_role("link", name="Channels").click()
    expect(page).to_have_url(re.compile(r"/channels\?.*ratio=0.1(&|$)"), timeout=SOON)
    wait_settled(page)
    page.go_back()
    expect(page).to_have_url(f"{server.url}/channels", timeout=SOON)
    wait_settled(page)
    assert page.url == f"{server.url}/channels"  # a link written here would bar the way back
    page.go_back()
    expect(page).to_have_url(link, timeout=SOON)
    wait_settled(page)
    expect(headline(page)).to_have_text(before, timeout=SOON)
    assert page.url == link


def test_a_copied_link_opens_the_same_view_after_a_restart(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    with start_server(tmp_path, port=port) as first, someone(browser) as page:
        opened(page, f"{first.url}/?classes=3&ratio=0.12&score=margin&seed=4&{SETTING}")
        link, sentence, rows = page.url, headline(page).inner_text(), table(page)
    with start_server(tmp_path, port=port) as second, someone(browser) as page:
        assert second.process.pid != first.process.pid
        opened(page, link)
        assert page.url == link
        assert headline(page).inner_text() == sentence
        assert sentence.startswith("Dress ")
        assert table(page) == rows


def test_two_people_at_once_never_see_each_others_choice(server: Server, browser: Browser) -> None:
    with someone(browser) as bags, someone(browser) as sandals:
        people = {"Bag": bags, "Sandal": sandals}
        for name, page in people.items():
            page.goto(f"{server.url}/?classes={name}&ratio=0.1&{SETTING}")
        for page in people.values():
            expect(headline(page)).to_be_visible(timeout=SOON)
            page.evaluate(RECORD)
        for page in people.values():
            page.focus(SLIDER)
        for _ in range(4):
            bags.keyboard.press("ArrowRight")
            sandals.keyboard.press("ArrowLeft")
        for page, ratio in ((bags, "0.14"), (sandals, "0.06")):
            expect(page).to_have_url(re.compile(f"ratio={ratio}(&|$)"), timeout=SOON)
            wait_complete(page, SECONDS)
            wait_settled(page)
        for name, page in people.items():
            seen = {text for text in page.evaluate("window.headlines") if text}
            assert len(seen) > 1
            assert all(text.startswith(f"{name} ") for text in seen)
        assert (setting(bags)["classes"], setting(sandals)["classes"]) == ("8", "5")


def test_a_bad_link_is_explained_and_the_page_complete(server: Server, page: Page) -> None:
    opened(page, f"{server.url}/?model=resnet9000&classes=7&ratio=0.9&strength=0.5")
    alerts = page.get_by_role("alert")
    expect(alerts.nth(0)).to_contain_text("There is no model “resnet9000”. Choose one of: cifar10-resnet18-w64")
    expect(alerts.nth(1)).to_contain_text("Ratio cannot be 0.9: choose a number from 0 to 0.5.")
    expect(headline(page)).to_contain_text(CHANGE)
    assert (setting(page)["ratio"], setting(page)["strength"]) == ("0.05", "0.5")


def test_a_damaged_checkpoint_is_explained_where_it_is_named(server: Server, page: Page) -> None:
    broken = server.home / "models" / "broken.safetensors"
    broken.parent.mkdir(exist_ok=True)
    broken.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00 half a file")
    try:
        opened(page, f"{server.url}/?classes=7&ratio=0.1&{SETTING}")
        expect(headline(page)).to_contain_text(CHANGE)
        expect(page.get_by_role("alert")).to_have_count(0)
        opened(page, f"{server.url}/?model=broken&classes=7&ratio=0.1&{SETTING}")
        expect(page.get_by_role("alert")).to_contain_text("broken.safetensors is damaged or not a safetensors file")
        expect(headline(page)).to_contain_text(CHANGE)
    finally:
        broken.unlink()


def test_a_mark_of_the_layer_chart_opens_its_channel(server: Server, page: Page) -> None:
    opened(page, f"{server.url}/?classes=7&ratio=0.1&{SETTING}")
    chart = page.locator(".st-key-layers")
    chart.scroll_into_view_if_needed()
    wait_settled(page)
    mark = chart.evaluate(MARK)
    page.mouse.move(mark["x"] - 1, mark["y"])
    page.mouse.click(mark["x"], mark["y"])
    expect(page).to_have_url(re.compile("/channels"), timeout=SOON)
    wait_settled(page)
    layer, channel = mark["customdata"][:2]
    assert (setting(page)["layer"], setting(page)["channel"]) == (layer, str(channel))
    assert setting(page)["ratio"] == "0.1"
    expect(page.get_by_role("heading", level=3)).to_contain_text(f"Channel {channel}")


def test_downloads_agree_with_the_page(server: Server, page: Page) -> None:
    opened(page, f"{server.url}/?classes=7&ratio=0.1&{SETTING}")
    sentence, shown = headline(page).inner_text(), table(page)
    files = {}
    for kind in ("CSV", "JSON"):
        with page.expect_download(timeout=SOON) as started:
            page.get_by_role("button", name=kind, exact=True).click()
        assert started.value.suggested_filename.endswith(f".{kind.lower()}")
        files[kind] = Path(started.value.path()).read_text(encoding="utf-8")
    rows = list(csv.DictReader(files["CSV"].splitlines()))
    document = json.loads(files["JSON"])
    found = CHANGE.search(sentence)
    assert found is not None
    before, after = document["before"], document["after"]
    numbers = [part[name] for name in ("forget_accuracy", "retain_accuracy") for part in (before, after)]
    assert [f"{number:.1f}" for number in numbers] == list(found.groups())
    assert [row["network"] for row in rows] == NETWORKS
    for row in rows:
        forgotten, others, *_ = shown[row["network"]]
        assert forgotten.startswith(f"{float(row['forget_accuracy']):.1f} %")
        assert others.startswith(f"{float(row['retain_accuracy']):.1f} %")
    assert float(rows[1]["forget_accuracy"]) == document["after"]["forget_accuracy"]
    assert document["request"]["ratio"] == 0.1
    assert document["class_names"] == ["Sneaker"]


def test_nothing_scrolls_sideways_on_a_phone(server: Server, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, f"{server.url}/?classes=7&ratio=0.1&{SETTING}")
    expect(headline(page)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    edges = page.locator(
        '.st-key-headline h2, [data-testid="stSlider"], .chart-head, [data-testid="stPlotlyChart"], .evidence'
    ).evaluate_all("elements => elements.map(one => one.getBoundingClientRect()).map(box => [box.left, box.right])")
    assert all(left >= 0 and right <= 390 for left, right in edges)


def test_a_run_is_pinned_and_compared_on_the_runs_page(server: Server, page: Page) -> None:
    opened(page, f"{server.url}/?classes=7&ratio=0.1&{SETTING}")
    page.focus(SLIDER)
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("ratio=0.11"), timeout=SOON)
    wait_complete(page, SECONDS)
    wait_settled(page)
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_role("heading", level=2)).to_contain_text("2 runs in this session: Sneaker.", timeout=SOON)
    wait_settled(page)
    rows = page.locator('[data-testid="stDataFrame"] canvas').first.bounding_box()
    assert rows is not None
    page.mouse.click(rows["x"] + 15, rows["y"] + 35 * 1.5)  # the box that selects the first row
    pin = page.get_by_role("button", name="Pin as A")
    expect(pin).to_be_enabled(timeout=SOON)
    pin.click()
    expect(page.get_by_role("heading", level=3)).to_contain_text(
        "A is run 1; the current one is run 2.", timeout=SOON
    )

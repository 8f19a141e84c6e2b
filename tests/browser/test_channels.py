"""Channels in a real browser: click a channel, spare it, take it back."""

import re

from playwright.sync_api import Page, expect

from tests.browser.driver import Server, wait_settled

LINK = "channels?classes=7&ratio=0.05&strength=0.4&layer=conv1&channel=0"


def test_click_a_channel_spare_it_and_undo(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/{LINK}")
    wait_settled(page, 90_000)
    heading = page.get_by_role("heading", level=3)
    expect(heading).to_contain_text("Channel 0")

    # eight columns, two rows: channel 7 is the last one of the first row
    grid = page.locator(".st-key-grid_forgotten_before .nsewdrag").first
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 7.5 / 8, box["y"] + box["height"] / 4)
    expect(heading).to_contain_text("Channel 7", timeout=60_000)
    expect(heading).to_contain_text("60 % in the plan")

    wait_settled(page, 60_000)
    page.get_by_role("radio", name="Spare").click()
    expect(heading).to_contain_text("is spared by hand", timeout=60_000)
    expect(page).to_have_url(re.compile("edits=conv1%3A7%3A1"))
    expect(page.get_by_role("heading", level=2)).to_contain_text("nothing is scaled down")

    wait_settled(page, 60_000)
    page.get_by_role("button", name="Undo").click()
    expect(heading).to_contain_text("60 % in the plan", timeout=60_000)
    wait_settled(page, 60_000)
    assert "edits" not in page.url

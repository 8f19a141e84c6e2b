"""Heatmaps in a real browser: one's own image, good and bad, and the page on a phone."""

import io

from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.driver import Server, wait_settled
from tests.data.made import bomb

LINK = "heatmaps?classes=7&ratio=0.2&strength=1&scope=stage:4&target=bn&attenuation=uniform&cam_rows=2"


def opened(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/{LINK}")
    wait_settled(page, 90_000)
    expect(page.get_by_role("heading", level=2)).to_contain_text("On Sneaker images the network")
    expect(page.locator(".looks img")).to_have_count(6)


def upload(page: Page, name: str, content: bytes) -> None:
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def drawing() -> bytes:
    """A dark bar on white."""
    picture = Image.new("RGB", (120, 90), "white")
    picture.paste("black", (30, 40, 90, 60))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def test_ones_own_image_good_and_bad(server: Server, page: Page) -> None:
    opened(server, page)
    page.get_by_text("Try an image of your own").click()
    panel = page.locator(".st-key-own_image")

    upload(page, "drawing.png", drawing())
    expect(panel.locator(".looks img")).to_have_count(1, timeout=30_000)
    expect(panel).to_contain_text("Your image, explained as")
    expect(panel.get_by_role("switch")).to_be_checked()  # light ground: swapped unless one says otherwise
    swapped = panel.locator(".looks img").get_attribute("src")
    panel.get_by_text("Swap light and dark").click()
    expect(panel.locator(".looks img")).not_to_have_attribute("src", str(swapped), timeout=30_000)
    expect(panel.locator(".looks .words b").first).to_contain_text("%")

    wait_settled(page)
    upload(page, "notes.png", b"only words")
    expect(panel.get_by_role("alert")).to_contain_text("not a picture that can be read", timeout=30_000)
    wait_settled(page)
    upload(page, "bomb.png", bomb(20_000))
    expect(panel.get_by_role("alert")).to_contain_text("This picture is too large", timeout=30_000)
    expect(panel.locator(".looks")).to_have_count(0)
    expect(page.locator(".looks img")).to_have_count(6)  # nothing else is lost


def test_rows_fit_a_phone(server: Server, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    opened(server, page)
    picture = page.locator(".looks img").first
    box = picture.bounding_box()
    assert box is not None
    assert box["x"] >= 0 and 300 <= box["width"] <= 390 - box["x"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    words = page.locator(".looks .words > span").nth(1)
    assert words.evaluate("one => one.scrollWidth <= one.clientWidth + 1")

"""A person's own images in a real browser: train on them from the page, then forget one of their classes."""

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.driver import Server, start_server, wait_settled
from tests.data.made import put

COLOURS = {"daisy": (235, 235, 225), "iris": (70, 60, 200), "poppy": (200, 50, 40)}
SOON = 30_000
TRAINED = 90_000
FORGOTTEN = 60_000


def flower(colour: tuple[int, int, int], generator: np.random.Generator) -> bytes:
    """A round flower on a meadow, 32×32 pixels."""
    row, column = np.mgrid[:32, :32]
    x, y, radius = generator.integers((10, 10, 5), (22, 22, 10))
    pixels = np.full((32, 32, 3), (40, 90, 40), dtype=np.int64)
    pixels[(row - y) ** 2 + (column - x) ** 2 < radius**2] = colour
    pixels += generator.integers(-25, 25, pixels.shape)
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, generator = tmp_path_factory.mktemp("home"), np.random.default_rng(0)
    files = {
        f"{name}/{number:02d}.png": flower(colour, generator)
        for name, colour in COLOURS.items()
        for number in range(30)
    }
    put(home / "data" / "flowers", files)
    with start_server(home, OMP_NUM_THREADS="1") as running:
        yield running


def type_number(page: Page, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")
    wait_settled(page)


def test_a_small_network_is_trained_on_ones_own_images_and_forgets_a_class(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/train")
    wait_settled(page)
    headline = page.locator(".st-key-headline h2")
    expect(headline).to_contain_text("on Fashion-MNIST")
    choice = page.get_by_role("combobox", name="Data set")
    choice.click()
    page.get_by_role("option", name=re.compile("^flowers")).click()
    expect(headline).to_contain_text("on flowers")
    wait_settled(page)
    type_number(page, "Width", "8")
    type_number(page, "Epochs", "2")
    expect(headline).to_have_text("Train a plain ResNet-18 of width 8 on flowers, 2 epochs.")
    expect(page).to_have_url(re.compile("train_dataset=flowers.*train_epochs=2"))

    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".st-key-jobs_indicator")).to_contain_text(
        re.compile(r"1 job (waiting|running)"), timeout=SOON
    )
    forget = page.get_by_role("button", name="Forget one of its classes")
    expect(forget).to_be_visible(timeout=TRAINED)
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    expect(page.locator(".st-key-jobs_indicator")).to_have_count(0)

    forget.click()
    expect(headline).to_contain_text("the other two: ", timeout=FORGOTTEN)
    wait_settled(page)
    expect(page).to_have_url(re.compile("model=flowers-resnet18-w8-plain"))
    page.get_by_role("button", name="iris").click()
    expect(headline).to_contain_text("Iris", ignore_case=True, timeout=FORGOTTEN)

"""The Heatmaps page without a browser: its sentence, its pictures, its controls."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.evaluation import heatmaps
from orthoui.evaluation.gradcam import Heatmaps, grad_cam
from orthoui.settings import app_folder
from orthoui.ui.view import View
from tests.pages.opening import send

PAGE = "pages/explore/heatmaps.py"
SNEAKER = {
    "classes": "7",
    "ratio": "0.2",
    "strength": "1",
    "attenuation": "uniform",
    "scope": "stage:4",
    "target": "bn",
}


def opened(**link: str) -> AppTest:
    """Open the app by link and go to the page."""
    app = AppTest.from_file(str(app_folder() / "app.py"), default_timeout=120)
    for name, value in link.items():
        app.query_params[name] = value
    app.switch_page(PAGE).run()
    assert not app.exception
    assert not app.error
    return app


def sentence(app: AppTest) -> str:
    """The finding that heads the page."""
    return next(element.value for element in app.markdown if element.value.startswith("## "))


def pictures(app: AppTest) -> str:
    """The rows of pictures, as they are sent to the browser."""
    return "\n".join(element.proto.body for element in app.get("html"))


def titles(app: AppTest) -> list[str]:
    """What stands above each row of pictures."""
    return re.findall(r"<figcaption><span>(.*?)</span>", pictures(app))


def view(app: AppTest) -> View:
    """What the session shows now."""
    shown = app.session_state["view"]
    assert isinstance(shown, View)
    return shown


def drifts(app: AppTest) -> list[float]:
    """Drift of every row of the forgotten class below its example."""
    return [float(text) for text in re.findall(r"moved by ([\d.]+)</span>", pictures(app))][1:6]


def test_the_page_is_complete_without_a_click() -> None:
    app = opened(**SNEAKER)
    found = re.match(
        r"## On Sneaker images the network .*moved by ([\d.]+) .*other classes by ([\d.]+)\.", sentence(app)
    )
    assert found is not None and float(found[1]) > float(found[2])
    assert len(titles(app)) == 12 and titles(app)[0] == "Your example: Sneaker 1"
    assert pictures(app).count("data:image/png") == 12
    assert "Sneaker 1: the image, then heatmaps for Sneaker before, after" in pictures(app)
    assert re.search(r"<b [^>]*>Sneaker (>?\d+)&nbsp;%</b>", pictures(app))


def test_random_channels_are_the_null_control() -> None:
    app = opened(**SNEAKER)
    (said,) = [element.value for element in app.markdown if "Null control" in element.value]
    found = re.search(r"([\d.]+) ± [\d.]+ \(\d+ images\) on Sneaker images, ([\d.]+) .* on the other classes\.", said)
    moved = re.search(r"moved by ([\d.]+)", sentence(app))
    assert found is not None and moved is not None and float(found[1]) < float(moved[1])
    nothing = opened(classes="7", ratio="0")
    assert not any("Null control" in element.value for element in nothing.markdown)


def test_order_rows_and_example_are_chosen() -> None:
    app = opened(**SNEAKER)
    most = drifts(app)
    assert most == sorted(most, reverse=True)
    app.selectbox(key="heat_cam_order").set_value(1).run()
    least = drifts(app)
    assert view(app).cam_order == "least" and least == sorted(least) and least[-1] <= most[-1]
    app.number_input(key="heat_example").set_value(4).run()
    assert titles(app)[0] == "Your example: Sneaker 4" and view(app).example == 3
    app.button(key="cam_rows_more").click().run()
    assert len(titles(app)) == 22 and len(set(titles(app))) == 22
    assert not app.exception


def test_layer_and_class_are_chosen_and_travel_in_the_link() -> None:
    app = opened(**SNEAKER, cam_layer="layer3.1.conv2", cam_class="5", other="8", cam_rows="1", cam_order="stored")
    assert sentence(app).startswith("## Asked for Sandal: on Sneaker images")
    assert "heatmaps for Sandal" in pictures(app) and titles(app)[2:] == ["Your example: Bag 1", "Bag 2"]
    assert (
        app.selectbox(key="heat_cam_layer").format_func(app.selectbox(key="heat_cam_layer").value)
        == "Layer 5 of stage 3"
    )
    app.selectbox(key="heat_cam_class").set_value(0).run()
    app.selectbox(key="heat_cam_layer").set_value(19).run()
    assert (view(app).cam_class, view(app).cam_layer) == (None, None)
    assert sentence(app).startswith("## On Sneaker images")


def test_a_missing_reference_is_said_and_not_shown_as_an_empty_box() -> None:
    app = opened(**SNEAKER | {"classes": "3-5"}, cam_rows="1")
    assert "no retrained network" in pictures(app)
    said = "\n".join(caption.value for caption in app.caption)
    assert "No network was retrained without Dress and Sandal, so there is nothing to compare with." in said
    assert app.button(key="train_reference").label == "Train the reference"


def test_nothing_scaled_is_said() -> None:
    app = opened(classes="7", ratio="0", strength="1", cam_rows="1")
    assert sentence(app) == "## Nothing is scaled at this setting: the network looks where it looked before."
    assert set(re.findall(r"moved by ([\d.]+)", pictures(app))) == {"0.00"}


def test_an_option_that_is_not_offered_changes_nothing(few_images: Dataset) -> None:
    app = opened(**SNEAKER, cam_rows="1")
    shown = view(app)
    for key in ("heat_cam_layer", "heat_cam_class", "heat_other"):
        send(app, key, "no such option")
    assert view(app) == shown


def test_a_full_device_is_said_on_the_page(monkeypatch: pytest.MonkeyPatch, few_images: Dataset) -> None:
    def cramped(network: nn.Module, layer: str, inputs: Tensor, targets: Sequence[int]) -> Heatmaps:
        found = grad_cam(network, layer, inputs, targets)
        return replace(found, notices=("The device ran out of memory; images are now computed 8 at a time.",))

    heatmaps.memo.cache_clear()  # what is remembered is not computed again
    monkeypatch.setattr(heatmaps, "grad_cam", cramped)
    app = opened(**SNEAKER, cam_rows="1")
    assert [warning.value for warning in app.warning] == [
        "The device ran out of memory; images are now computed 8 at a time."
    ]


def test_a_link_with_a_wrong_layer_is_explained() -> None:
    app = opened(classes="7", cam_layer="layer9", cam_rows="500")
    said = "\n".join(warning.value for warning in app.warning)
    assert "There is no layer “layer9”" in said and "cannot be 500" in said
    assert len(titles(app)) == 12

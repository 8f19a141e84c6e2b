"""The Channels page without a browser: its sentence, its controls, channels set by hand, and the way back."""

import pytest
from streamlit.testing.v1 import AppTest

from orthoui.settings import app_folder
from orthoui.ui.view import View
from tests.pages.opening import click, send

PAGE = "pages/explore/channels.py"
LINK = {"classes": "7", "ratio": "0.05", "strength": "0.4", "layer": "conv1", "channel": "7"}


def opened(**link: str) -> AppTest:
    """Open the app by link and go to the page."""
    app = AppTest.from_file(str(app_folder() / "app.py"), default_timeout=120)
    for name, value in (LINK | link).items():
        app.query_params[name] = value
    app.switch_page(PAGE).run()
    assert not app.exception
    return app


def view(app: AppTest) -> View:
    """What the session shows now."""
    shown = app.session_state["view"]
    assert isinstance(shown, View)
    return shown


def text(app: AppTest) -> str:
    """Every sentence on the page."""
    return "\n".join(element.value for element in [*app.markdown, *app.caption])


@pytest.fixture
def app() -> AppTest:
    return opened()


def test_a_channel_is_set_by_hand_and_given_back(app: AppTest) -> None:
    assert "In the first layer 1 of 16 channels is scaled down" in text(app)
    assert "keeps 60 % in the plan" in text(app)
    assert app.button(key="edit_undo").disabled

    app.segmented_control(key="edit_mode").set_value("Spare").run()
    assert [(edit.layer, edit.channel, edit.keep) for edit in view(app).request.edits] == [("conv1", 7, 1.0)]
    assert "In the first layer nothing is scaled down" in text(app)
    assert "is spared by hand" in text(app)

    app.slider(key="edit_keep").set_value(0.25).run()
    assert "keeps 25 % by hand" in text(app)
    app.button(key="edit_undo").click().run()
    assert "is spared by hand" in text(app)
    app.button(key="edit_clear").click().run()
    assert view(app).request.edits == ()
    app.button(key="edit_undo").click().run()
    app.button(key="edit_undo").click().run()
    assert view(app).request.edits == ()
    assert app.button(key="edit_undo").disabled
    assert not app.exception


def test_layer_class_and_example_are_chosen(app: AppTest) -> None:
    app.selectbox(key="layer_choice").set_value("layer4.1.conv2").run()
    assert (view(app).layer, view(app).channel) == ("layer4.1.conv2", None)
    assert "64 of 128 channels" in text(app)
    app.toggle(key="every_choice").set_value(True).run()
    assert "All 128 channels" in text(app)
    app.selectbox(key="other_choice").set_value(9).run()
    app.button(key="next_image").click().run()
    assert (view(app).other, view(app).example, view(app).every) == (9, 1, True)
    assert not app.exception


def test_a_scope_elsewhere_and_several_classes() -> None:
    app = opened(classes="1-7", scope="stage:4", subject="7")
    assert "In the first layer nothing is scaled down; this setting scales" in text(app)
    assert "channels in stage 4" in text(app)
    assert app.selectbox(key="subject_choice").value == 7


@pytest.mark.usefixtures("few_images")
def test_a_click_opens_its_channel_and_anything_else_is_refused_in_words_or_ignored() -> None:
    app = opened()
    click(app, "grid_forgotten_before", 3)
    assert (view(app).layer, view(app).channel) == ("conv1", 3)
    click(app, "channel_strips", ["layer4.1.conv2", 9])
    assert (view(app).layer, view(app).channel) == ("layer4.1.conv2", 9)
    refused = {
        "no layer “layer9”": ["layer9", 3],
        "has no channel 500; its channels are 0 to 127": ["layer4.1.conv2", 500],
        "Channel cannot be -1": ["layer4.1.conv2", -1],
    }
    for sentence, mark in refused.items():
        click(app, "channel_strips", mark)
        assert [sentence in warning.value for warning in app.warning] == [True]
    for junk in (None, "x", [], [None], {"a": 1}, ["layer9"], [1, 2, 3]):
        for key in ("grid_forgotten_before", "channel_strips"):
            click(app, key, junk)
    send(app, "layer_choice", "no such layer")
    assert ["no layer “no such layer”" in warning.value for warning in app.warning] == [True]
    assert (view(app).layer, view(app).channel) == ("layer4.1.conv2", 9)


def test_a_channel_that_is_not_there_is_explained() -> None:
    app = opened(channel="99")
    assert any("Layer conv1 has no channel 99" in warning.value for warning in app.warning)
    assert "Channel 7" in text(app)

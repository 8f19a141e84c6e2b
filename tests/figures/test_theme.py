import dataclasses
import itertools

import numpy as np
import plotly.graph_objects as go
import pytest

from orthoui.figures import PALETTES, palette, style
from orthoui.figures.theme import CIVIDIS, cividis, diverging, upright
from orthoui.figures.words import probability_line, signed

DRAWN = ("before", "forgotten", "retained", "retrained", "control", "kept", "cut", "loss", "gain", "muted", "text")
WRITTEN = ("text", "muted", "cut")


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_contrast_of_black_on_white_is_the_known_one() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("meaning", DRAWN)
def test_every_colour_stands_out_from_its_background(mode: str, meaning: str) -> None:
    tone = palette(mode)  # type: ignore[arg-type]
    needed = 4.5 if meaning in WRITTEN else 3.0
    assert contrast(getattr(tone, meaning), tone.background) >= needed


def test_light_colours_are_those_agreed_on() -> None:
    light = palette("light")
    assert (light.forgotten, light.retained, light.retrained) == ("#D55E00", "#0072B2", "#009E73")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_one_colour_has_one_meaning(mode: str) -> None:
    tones = dataclasses.asdict(PALETTES[mode])  # type: ignore[index]
    for one, other in itertools.combinations(DRAWN, 2):
        assert tones[one] != tones[other], (one, other)


def test_cividis_keeps_its_stops_and_grows_brighter() -> None:
    table = cividis(10)
    assert ["#" + "".join(f"{part:02x}" for part in row) for row in table] == list(CIVIDIS)
    assert (np.diff(cividis(256).astype(int) @ [2126, 7152, 722]) >= 0).all()


def test_differences_have_zero_in_the_middle() -> None:
    assert diverging("light")[1] == (0.5, palette("light").middle)


def test_probability_line() -> None:
    classes = ["Sandal", "Sneaker", "Bag", "Coat"]
    assert probability_line(np.array([0.05, 0.94, 0.008, 0.002]), classes) == "Sneaker 94 % · Sandal 5 % · Bag 1 %"
    assert probability_line(np.array([0.0, 0.9994, 0.0006, 0.0]), classes) == "Sneaker >99 %"
    assert probability_line(np.array([0.0, 1.0, 0.0, 0.0]), classes) == "Sneaker 100 %"
    with pytest.raises(ValueError, match="do not fit 4 classes"):
        probability_line(np.array([1.0]), classes)


def test_signed_has_no_negative_zero() -> None:
    assert [signed(value) for value in (-0.04, 0.04, -0.06, 3.0)] == ["0.0", "0.0", "−0.1", "+3.0"]


def test_axes_keep_what_is_their_own_and_get_what_is_common() -> None:
    figure = go.Figure(go.Bar(x=[1, 2], y=[3, 4]))
    figure.layout.xaxis = {"title": "epoch", "range": [0, 5], "tickfont": {"size": 30}, "zeroline": True}
    figure.layout.yaxis = {"title": "loss", "tickfont": {"size": 30}}
    figure.layout.xaxis2 = {"title": "other", "overlaying": "x"}
    layout = style(figure, "light", title="A finding", body=100, alt="A finding.").layout
    tone = palette("light")
    for axis, name in ((layout.xaxis, "epoch"), (layout.yaxis, "loss"), (layout.xaxis2, "other")):
        assert (axis.title.text, axis.title.font.color, axis.fixedrange) == (name, tone.muted, True)
        assert (axis.gridcolor, axis.zeroline) == (tone.faint, False)
    assert layout.xaxis.range == (0, 5) and layout.xaxis2.overlaying == "x"
    assert (layout.xaxis.tickfont.size, layout.yaxis.tickfont.size) == (
        12,
        30,
    )


def test_nothing_comes_from_plotlys_own_template() -> None:
    layout = style(go.Figure(), "light", title="A finding", body=100, alt="A finding.").layout
    assert layout.template.layout.to_plotly_json() == {}


def test_a_click_on_one_point_does_not_fade_the_others() -> None:
    figure = go.Figure([go.Scatter(x=[1], y=[1]), go.Bar(x=[1], y=[1]), go.Heatmap(z=[[1]])])
    marks, bars, _ = style(figure, "light", title="A finding", body=100, alt="A finding.").data
    assert marks.unselected.marker.opacity == bars.unselected.marker.opacity == 1


def test_an_upright_line_spans_the_plot() -> None:
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1]))
    by_hand = go.Figure(figure).add_vline(x=0.5, line={"color": "#111111", "width": 2})
    figure.layout.shapes = [upright(0.5, "#111111", 2)]
    assert figure.layout.shapes[0].to_plotly_json() == by_hand.layout.shapes[0].to_plotly_json()

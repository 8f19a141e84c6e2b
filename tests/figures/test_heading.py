import plotly.graph_objects as go
import pytest

from orthoui.figures import palette, style
from orthoui.figures.heading import Key, heading
from orthoui.settings import app_folder


def test_a_finding_is_text_and_a_number_keeps_its_unit() -> None:
    assert heading("<b> falls to 0.6 %", "a <i> share") == (
        '<div class="chart-head"><b>&lt;b&gt; falls to 0.6\u00a0%</b><p>a &lt;i&gt; share</p></div>'
    )


def test_every_entry_of_a_key_has_its_marks_in_their_colours() -> None:
    text = heading("t", key=[Key("●", ("#D55E00", "#0072B2"), "after"), Key("┄", ("#888888",), "a < b")])
    assert text.count(">●</span>") == 2 and text.count("┄") == 1
    assert "color:#0072B2" in text and "a &lt; b" in text


def test_nothing_to_say_leaves_nothing() -> None:
    assert heading("") == ""


def test_a_chart_is_as_high_as_its_plot_whatever_stands_above_it() -> None:
    titles = ["", "Short", "A finding that is long " * 4]
    figures = [style(go.Figure(), "light", title=title, body=200, alt="words") for title in titles]
    assert len({figure.layout.height for figure in figures}) == 1
    assert [figure.layout.meta["alt"] for figure in figures] == ["words"] * 3
    assert figures[1].layout.meta["head"] == heading("Short")


@pytest.mark.parametrize("meaning", ["text", "muted"])
def test_the_page_writes_headings_in_the_colours_of_charts(meaning: str) -> None:
    light, dark = (getattr(palette(mode), meaning) for mode in ("light", "dark"))  # type: ignore[arg-type]
    rules = [
        line for line in (app_folder() / "assets" / "style.css").read_text().splitlines() if "chart-head" in line
    ]
    assert f"color: light-dark({light}, {dark})" in "\n".join(rules)

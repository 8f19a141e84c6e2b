import pytest
from streamlit.testing.v1 import AppTest


def plain() -> None:
    import plotly.graph_objects as go

    from orthoui.figures import style
    from orthoui.ui.charts import chart

    chart(style(go.Figure(), "light", title="A <b> finding", body=100, alt="Words."), "plain")
    chart(style(go.Figure(), "light", title="", body=100, alt="No words above."), "bare")


def clicked() -> None:
    import plotly.graph_objects as go
    from pydantic import TypeAdapter

    from orthoui.figures import style
    from orthoui.ui.charts import clickable

    clickable(style(go.Figure(), "light", title="A <b> finding", body=100, alt="."), "one", TypeAdapter(int), print)


def sharpened() -> None:
    import plotly.graph_objects as go
    import streamlit as st

    from orthoui.figures import style
    from orthoui.ui.charts import ChartPlace

    place = ChartPlace(st)
    place.skeleton(100)
    for step, title in enumerate(("Not yet", "A <b> finding")):
        place.draw(style(go.Figure(), "light", title=title, body=100, alt="."), f"step-{step}")


@pytest.mark.parametrize(("page", "charts"), [(plain, 2), (clicked, 1), (sharpened, 1)])
def test_the_finding_stands_once_above_its_chart_as_text(page: object, charts: int) -> None:
    app = AppTest.from_function(page, default_timeout=60).run()  # type: ignore[arg-type]
    assert not app.exception
    heads = [element.proto.body for element in app.get("html")]
    assert heads == ['<div class="chart-head"><b>A &lt;b&gt; finding</b></div>']
    assert len(app.get("plotly_chart")) == charts
    assert not app.get("skeleton")

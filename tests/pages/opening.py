"""Open a page without a browser, and read what stands on it."""

import json
import re

from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from orthoui.settings import app_folder
from orthoui.ui.view import View

SECONDS = 120


def opened(page: str | None = None, **link: str) -> AppTest:
    """Open the app by link, on its first page or on another one; nothing may be raised."""
    app = AppTest.from_file(str(app_folder() / "app.py"), default_timeout=SECONDS)
    for name, value in link.items():
        app.query_params[name] = value
    if page is not None:
        app.switch_page(page)
    return run(app)


def run(app: AppTest) -> AppTest:
    """Run the page and insist that nothing was raised."""
    app.run()
    assert not app.exception
    return app


def click(app: AppTest, key: str, data: object) -> AppTest:
    """Click a mark with this ``customdata`` in the chart of that key; a browser may send any data."""
    return send(app, key, json.dumps({"selection": {"points": [{"customdata": data}]}}))


def send(app: AppTest, key: str, value: str) -> AppTest:
    """Send a widget's value as a browser would, also one that the widget does not offer."""
    (name,) = (element.proto.id for element in app.main if getattr(element.proto, "id", "").endswith(f"-{key}"))
    others = [state for state in app._tree.get_widget_states().widgets if state.id != name]
    app._run(WidgetStates(widgets=[*others, WidgetState(id=name, string_value=value)]))
    assert not app.exception
    return app


def heading(app: AppTest) -> str:
    """The sentence that heads the page."""
    return next(element.value for element in app.markdown if element.value.startswith("## ")).removeprefix("## ")


def text(app: AppTest) -> str:
    """Every sentence on the page."""
    return "\n".join(element.value for element in [*app.markdown, *app.caption])


def view(app: AppTest) -> View:
    """What the session shows now."""
    shown = app.session_state["view"]
    assert isinstance(shown, View)
    return shown


def table_rows(app: AppTest) -> dict[str, list[str]]:
    """Cells of the evidence table as plain text, by the name of the network."""
    html = "\n".join(element.proto.body for element in app.get("html"))
    rows = {}
    for row in re.findall(r'<tr class="\w+">(.*?)</tr>', html):
        name, *cells = (re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row))
        rows[name] = cells
    return rows

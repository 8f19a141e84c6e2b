"""The Paper page: does each claim hold here, by how much, and how is that known."""

from collections.abc import Callable, Mapping

import streamlit as st

from orthoui.errors import UnknownNameError
from orthoui.figures import accuracy_curves
from orthoui.models.zoo import zoo
from orthoui.paper.answers import Answer, answer
from orthoui.paper.curves import fit_words, lines
from orthoui.paper.finding import check_forget_class
from orthoui.paper.outline import outline
from orthoui.paper.schema import Kind, Table
from orthoui.paper.setting import EMBEDDED, TABLE_TITLES, TABLES, ReproduceRequest, Setting, TableName, paper_settings
from orthoui.paper.store import Shelf, shelf
from orthoui.ui import session
from orthoui.ui.charts import chart
from orthoui.ui.frame import explained, literal, panel
from orthoui.ui.paper.missing import missing_panel
from orthoui.ui.paper.pictures import first_layer, heatmaps
from orthoui.ui.paper.running import measure_button, running
from orthoui.ui.paper.tables import Linked, table_html
from orthoui.ui.paper.ways import Ways
from orthoui.ui.view import View
from orthoui.wording import joined

ABOUT: dict[TableName, str] = {
    "table-1": "Accuracy before anything is forgotten: does training orthogonally cost any?",
    "table-2": "The method beside others: what is left of the class, of the others, for an attacker, and the time.",
    "table-3a": "The share of channels that is scaled down, on an orthogonal and on a plain network. Strength 0.4.",
    "table-3b": "How strongly they are scaled down, at ratio 0.05, on the orthogonal network.",
    "appendix": "Every class forgotten in turn: as trained, pruned, and fine-tuned after it.",
    "figure-1": "What the first layer's channels see of a forgotten and of a retained class.",
    "figure-3": "Where the network looks: before, after, and one that never saw the class.",
}
READINGS_AS_COLUMNS: tuple[TableName, ...] = ("appendix",)
SETTING = "paper_setting"
NETWORKS: tuple[tuple[Kind, str], ...] = (("orthogonal", "Orthogonal network"), ("plain", "Plain network"))


@panel
def paper_panel() -> None:
    """Draw the page for one setting; the paper's own come first."""
    known = shelf()
    setting = session.view().paper or _first_measured(known)
    tables = {name: _table(name, setting, known) for name in TABLES}
    answers = {name: answer(table) for name, table in tables.items()}
    with st.container(key="headline"):
        st.markdown(f"## {literal(_headline(setting, tables, answers))}")
    _choice(setting, known)
    for problem in known.problems:
        st.warning(literal(problem), icon=":material/info:")
    with explained():
        running()
    check_forget_class(setting, tables["table-1"].classes)  # a link may ask for any
    missing_panel(tables.values(), setting)
    for name, table in tables.items():
        _section(name, table, answers[name], setting, known)


def _offered(known: Shelf) -> dict[str, Setting]:
    """Return the paper's settings, the embedded one, and whatever else was measured, by name."""
    found = [*paper_settings(), EMBEDDED, *(table.setting for table in known.tables.values())]
    return {setting.name: setting for setting in found}


def _choice(setting: Setting, known: Shelf) -> None:
    """Draw the choice of the setting; one that a link brought is offered too."""
    offered = _offered(known) | {setting.name: setting}
    st.session_state[SETTING] = setting.name
    st.selectbox(
        str(View.model_fields["paper"].title), list(offered), key=SETTING, width=460, on_change=_choose,
        args=(offered,), format_func=lambda name: _option(offered[name], known) if name in offered else name,
    )  # fmt: skip


@session.reported()
def _choose(offered: Mapping[str, Setting]) -> None:
    name = st.session_state[SETTING]
    if name not in offered:
        raise UnknownNameError("setting", name, offered)
    session.change(paper=offered[name])


def _first_measured(known: Shelf) -> Setting:
    """Return what is shown where nothing was chosen."""
    offered = list(_offered(known).values())
    return next((setting for setting in offered if _count(setting, known)), offered[0])


def _count(setting: Setting, known: Shelf) -> int:
    return sum(bool(table.measured) for table in known.tables.values() if table.setting == setting)


def _option(setting: Setting, known: Shelf) -> str:
    count = _count(setting, known)
    return f"{setting.title} ({f'{count} of {len(TABLES)} run' if count else 'not yet run'})"


def _table(name: TableName, setting: Setting, known: Shelf) -> Table:
    table = known.tables.get(setting.file_name(name))
    return outline(_request(name, setting), zoo(), table)


def _request(name: TableName, setting: Setting) -> ReproduceRequest:
    return ReproduceRequest(table=name, **setting.model_dump())


def _headline(setting: Setting, tables: dict[TableName, Table], answers: dict[TableName, Answer]) -> str:
    if not any(table.measured for table in tables.values()):
        return f"None of the paper's tables is measured on {setting.title} yet."
    words = {**TABLE_TITLES, "appendix": "the appendix"}
    judged: dict[str, list[str]] = {"holds": [], "holds in part": [], "does not hold": []}
    for name, found in answers.items():
        if found.holds is not None:
            verb = "holds" if found.holds else "holds in part" if found.in_part else "does not hold"
            judged[verb].append(words[name])
    said = [f"what {joined(names)} claims {verb}" for verb, names in judged.items() if names]
    if not said:
        return f"On {setting.title}, too little is measured to judge any of the paper's claims."
    return f"On {setting.title}, {'; '.join(said)}."


def _section(name: TableName, table: Table, found: Answer, setting: Setting, known: Shelf) -> None:
    undecided = ":material/info:" if table.measured else ":material/pending:"
    icon = {True: ":material/check_circle:", False: ":material/cancel:", None: undecided}[found.holds]
    icon = ":material/contrast:" if found.in_part else icon
    st.markdown(f"#### {TABLE_TITLES[name]}")
    st.markdown(f"{icon} **{literal(found.sentence)}**")
    st.caption(f"{ABOUT[name]} {_reference(table)}")
    if name in DRAWINGS:
        DRAWINGS[name](table)
    cells = _all_trained(setting, known) if name == "table-1" else _linked(table)
    if not cells:
        st.markdown("Its classes are not known here: the images are not on this machine.")
    st.html(table_html(cells, readings_are_rows=name not in READINGS_AS_COLUMNS))
    measure_button(table, _request(name, setting))


def _reference(table: Table) -> str:
    """Say what the printed numbers are for, where that is not what is measured."""
    places = sorted({cell.printed_for for cell in table.cells if cell.printed_for and not cell.comparable})
    return f"Printed for {' and '.join(places)}, width 64: a reference here, no more." if places else ""


def _linked(table: Table) -> list[Linked]:
    ways = Ways.of(table, zoo())
    return [(cell, ways) for cell in table.cells]


def _all_trained(setting: Setting, known: Shelf) -> list[Linked]:
    """Return the rows of Table 1: what is chosen first, then all that the paper prints."""
    settings = dict.fromkeys([setting, *paper_settings()])
    return [linked for one in settings for linked in _linked(_table("table-1", one, known))]


def _ratio_curves(table: Table) -> None:
    for place, (kind, title) in zip(st.columns(2), NETWORKS, strict=True):
        with place:
            _curves(table, kind, title, "share of channels (ratio)")


def _strength_curves(table: Table) -> None:
    _curves(table, "orthogonal", "Orthogonal network", "strength")


def _curves(table: Table, kind: Kind, title: str, axis: str) -> None:
    """Draw one network's curves; the title says which reading is nearer to the printed ones."""
    cells = [cell for cell in table.cells if cell.kind == kind]
    comparable = any(cell.comparable for cell in cells)
    fit = fit_words(cells, comparable, kind) or "only the printed curve is there, nothing is measured yet"
    figure = accuracy_curves(
        lines(cells, kind), axis=axis, mode=session.mode(), title=f"{title}: {fit}",
        subtitle="accuracy; bands: 95 % intervals of all draws; distance: root mean square, points",
    )  # fmt: skip
    chart(figure, f"paper_{table.table}_{kind}")


DRAWINGS: dict[TableName, Callable[[Table], None]] = {
    "table-3a": _ratio_curves, "table-3b": _strength_curves, "figure-1": first_layer, "figure-3": heatmaps,
}  # fmt: skip

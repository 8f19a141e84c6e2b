"""What a setting lacks on this machine: images that can be got, and networks that can be trained."""

from collections.abc import Iterable

import streamlit as st

from orthoui.data import dataset_title
from orthoui.data.catalog import is_fetchable
from orthoui.models.zoo import zoo
from orthoui.paper.finding import Found, look_up, training_recipe
from orthoui.paper.schema import Kind, Table
from orthoui.paper.setting import Setting
from orthoui.ui.frame import literal
from orthoui.ui.images import MISSING, by_hand, get_button
from orthoui.ui.paper.ways import KINDS
from orthoui.ui.train.opening import train_button


def missing_panel(tables: Iterable[Table], setting: Setting) -> None:
    """Offer images and networks without which some cell of the tables cannot be measured."""
    st.session_state.pop(MISSING, None)
    wanted = {cell.kind for table in tables for cell in table.cells if not cell.complete}
    found = {kind: look_up(zoo(), setting, kind) for kind in KINDS if kind in wanted}
    if found and is_fetchable(setting.dataset):
        st.markdown(f"**The images of {literal(dataset_title(setting.dataset))} are not on this machine yet.**")
        get_button(setting.dataset)
        by_hand(setting.dataset)
    _networks({kind: one for kind, one in found.items() if not one.models}, setting)


def _networks(missing: dict[Kind, Found], setting: Setting) -> None:
    """Draw a button for every kind of network that is missing, the orthogonal one first."""
    if not missing:
        return
    order = " Begin with the orthogonal one: the others are then trained as it was." if len(missing) > 1 else ""
    order = order if "orthogonal" in missing else ""
    st.markdown(f"**Networks that the tables below need are not on this machine yet.**{order}")
    with st.container(horizontal=True, key="paper_networks"):
        for kind, one in missing.items():
            recipe = training_recipe(setting, kind, lead=one.lead)
            train_button(f"Train {literal(_words(kind, one, setting))}", recipe, f"paper_train_{kind}")


def _words(kind: Kind, found: Found, setting: Setting) -> str:
    if kind != "retrained":
        return f"the {kind} network"
    names = found.classes
    without = names[setting.forget_class] if names else f"class {setting.forget_class}"
    return f"the network without {without}"

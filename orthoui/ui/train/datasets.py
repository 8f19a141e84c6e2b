"""The data sets a training can be set to: present, to be got, or a person's own."""

import streamlit as st

from orthoui.data import DatasetEntry, available
from orthoui.data.catalog import missing
from orthoui.data.finding import find_sources
from orthoui.data.layout import arrange
from orthoui.data.sources import FolderSource
from orthoui.data.splitting import FEWEST, draw
from orthoui.errors import OrthoError
from orthoui.settings import settings
from orthoui.ui.frame import literal
from orthoui.ui.images import by_hand, get_button

FRESH_SECONDS = 5
"""For so long the list is not read again: a large folder takes time to look through."""


@st.cache_resource(ttl=FRESH_SECONDS, max_entries=4, show_spinner=False)
def _listed(folder: str, cache: str) -> list[DatasetEntry]:  # noqa: ARG001  where it looks is part of the key
    return available()


def entries() -> dict[str, DatasetEntry]:
    """Return every data set there is or could be, by name, those on this machine first."""
    found = _listed(str(settings().data_folder), str(settings().cache_folder))
    ready = sorted(found, key=lambda entry: entry.state != "present")
    return {entry.name: entry for entry in ready}


@st.cache_resource(ttl=FRESH_SECONDS, max_entries=4, show_spinner=False)
def _promised(name: str, folder: str) -> int | None:  # noqa: ARG001  where it looks is part of the key
    """Count the training images of a folder that was not read yet by its files; None where that cannot be told."""
    try:
        source = find_sources(settings().data_folder).get(name)
        if not isinstance(source, FolderSource):  # an archive would have to be read
            return None
        placed, _ = arrange([file.path for file in source.listing() if not file.problem])
        return sum(map(len, draw(placed, name).splits["train"]))
    except OrthoError:  # too few images: said when they are read
        return None


def training_images(name: str) -> int | None:
    """Return how many images a data set is trained on; None where that is not known."""
    entry = entries().get(name)
    if entry is None or entry.state != "present":
        return None
    return entry.images["train"] if entry.images else _promised(name, str(settings().data_folder))


def look_again() -> None:
    """Forget what was listed."""
    _listed.clear()
    _promised.clear()


def entry_words(entry: DatasetEntry) -> str:
    """Return a data set as the list shows it."""
    if entry.state == "fetchable":
        return f"{entry.title} · not on this machine ({entry.size_mb:.0f} MB)"
    if entry.state == "damaged":
        return f"{entry.title} · cannot be used"
    if entry.images:
        return f"{entry.title} · {entry.images['train']:,} training images, {len(entry.classes)} classes"
    return f"{entry.title} · on this machine, not read yet"


def dataset_note(name: str) -> str | None:
    """Draw what has to be known or done about the chosen data set; return what keeps it from being trained on."""
    entry = entries().get(name)
    if entry is None:
        try:
            raise missing(name)
        except OrthoError as error:
            return str(error)
    if entry.state == "damaged":
        return entry.problem
    if entry.state == "fetchable":
        with st.container(key="dataset_note"):
            st.markdown(f"**The images of {literal(entry.title)} are not on this machine yet.**")
            get_button(name)
            by_hand(name)
        return f"Get the images of {entry.title} first."
    if entry.refused_count:
        st.caption(
            f"{entry.refused_count:,} files of {literal(entry.title)} are not used: "
            f"{literal('; '.join(f'{file}: {why}' for file, why in list(entry.refused.items())[:3]))}"
        )
    if not entry.images:
        with st.container(horizontal=True, vertical_alignment="center", key="dataset_note"):
            st.caption(
                "Its images have not been read yet. The training does it first; read them now to see the classes."
            )
            get_button(name, "Read the images")
    return None


def own_images() -> None:
    """Draw the folded advice for a person's own images."""
    folder = settings().data_folder
    with st.popover("Your own images", icon=":material/add_photo_alternate:"):
        st.markdown(
            "Any pictures will do, one folder for each class: two classes or more, each of "
            f"{FEWEST} training images or more. Put them here, in a folder whose name you choose, and it appears in "
            "the list:"
        )
        st.code(f"{folder}/NAME/CLASS/*.jpg", language=None, wrap_lines=True)
        st.caption(
            "A fifth of every class is then kept aside as test images. To choose them yourself use NAME/train/CLASS "
            "and NAME/test/CLASS. The tree may also be packed as NAME.tar.zst. Another place: set ORTHOUI_DATA to it "
            "before you start OrthoUI."
        )
        st.button("Look again", icon=":material/refresh:", key="look_again", on_click=look_again)


def class_names(name: str) -> tuple[str, ...]:
    """Return the classes of a data set, empty as long as they are not known."""
    entry = entries().get(name)
    return entry.classes if entry else ()

"""The list of data sets: what is on this machine, what is wrong with it, and what can be downloaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from orthoui.data import store
from orthoui.data.catalog import DATASETS, how_to_get, load_dataset
from orthoui.data.finding import cheap_problem, find_sources
from orthoui.data.imageset import SPLITS, Split
from orthoui.data.known import KNOWN
from orthoui.data.sources import Source
from orthoui.errors import DatasetError
from orthoui.settings import settings

State = Literal["present", "fetchable", "damaged"]
TAKEN = "the embedded images have this name; give these another one to use them"


@dataclass(frozen=True)
class DatasetEntry:
    """A data set as a list shows it. ``images`` is empty and ``image_size`` None until it was decoded once."""

    name: str
    title: str
    state: State
    source: str
    size_mb: float | None = None
    classes: tuple[str, ...] = ()
    images: Mapping[Split, int] = field(default_factory=dict)
    image_size: int | None = None
    channels: int = 3
    refused: Mapping[str, str] = field(default_factory=dict)
    """Files that are not used, with the reason: the first thousand of ``refused_count``."""
    refused_count: int = 0
    problem: str | None = None
    advice: str = ""
    """How to get it, where it is not on this machine."""


def available() -> list[DatasetEntry]:
    """List every data set there is or could be. Decodes nothing of the data folder; embedded ones are read once."""
    sources = find_sources(settings().data_folder)
    entries = [_registered(name, sources.get(name)) for name in DATASETS]
    entries += [_found(source) for name, source in sources.items() if name not in DATASETS]
    return entries + [_fetchable(name) for name in KNOWN if name not in sources]


def _registered(name: str, hidden: Source | None) -> DatasetEntry:
    """Describe an embedded data set; ``hidden`` are images in the data folder that have its name."""
    refused = {str(hidden.path): TAKEN} if hidden else {}
    try:
        data = load_dataset(name)
    except DatasetError as error:
        return DatasetEntry(name, name, "damaged", "embedded", problem=str(error))
    channels, _, width = data["test"].images.shape[1:]
    return DatasetEntry(
        name=name,
        title=data.title,
        state="present",
        source=data.source,
        classes=data.classes,
        images={split: len(data[split]) for split in SPLITS},
        image_size=int(width),
        channels=int(channels),
        refused=refused,
        refused_count=len(refused),
    )


def _found(source: Source) -> DatasetEntry:
    known = KNOWN.get(source.name)
    entry = DatasetEntry(
        name=source.name,
        title=known.title if known else source.name,
        state="present",
        source=str(source.path),
        classes=known.classes if known else (),
        image_size=known.side if known else None,
    )
    try:
        lacking = cheap_problem(source)  # first: a folder that lacks files has no fingerprint
        if lacking:
            return replace(entry, state="damaged", problem=lacking)
        place = store.place_of(source)
        problem = store.known_problem(place)
        if problem:
            return replace(entry, state="damaged", problem=problem)
        entry = replace(entry, size_mb=round(source.size() / 1e6, 1))
        about = store.about(place)
    except (DatasetError, OSError) as error:
        return replace(entry, state="damaged", problem=str(error))
    if about is None:
        return entry
    return replace(
        entry,
        classes=about.classes,
        images={split: sum(about.splits[split].counts) for split in SPLITS},
        image_size=about.splits["test"].side,
        refused=about.refused,
        refused_count=about.refused_count,
    )


def _fetchable(name: str) -> DatasetEntry:
    known = KNOWN[name]
    return DatasetEntry(
        name=name,
        title=known.title,
        state="fetchable",
        source=known.remote.url,
        size_mb=round(known.remote.size / 1e6, 1),
        classes=known.classes,
        image_size=known.side,
        advice=how_to_get(name),
    )

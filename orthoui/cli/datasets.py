"""``orthoui datasets``: the data sets there are."""

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from orthoui.cli.common import AsJson, emit, plain_table, reports_errors, text
from orthoui.errors import DatasetError


@reports_errors
def datasets(as_json: AsJson = False) -> None:
    """List the data sets: classes, images of every split, where from."""
    from orthoui.data import DATASETS

    described = [_described(name) for name in DATASETS]
    emit({"datasets": described}, as_json, lambda: _listed(described))


def _described(name: str) -> dict[str, Any]:
    from orthoui.data import SPLITS, load_dataset

    try:
        data = load_dataset(name)
    except DatasetError as error:
        return {"name": name, "problem": str(error)}
    channels, height, width = data["test"].images.shape[1:]
    return {
        "name": name,
        "title": data.title,
        "classes": data.classes,
        "images": {split: len(data[split]) for split in SPLITS},
        "image_size": [height, width],
        "channels": channels,
        "source": data.source,
        "problem": None,
    }


def _listed(described: list[dict[str, Any]]) -> RenderableType:
    table = plain_table("data set", "title", "classes", "images", "from", numbers=(2,))
    problems = []
    for about in described:
        if about["problem"] is not None:
            problems.append(Text(f"{about['name']}: {about['problem']}", style="red"))
            continue
        images = ", ".join(f"{count:,} {split}" for split, count in about["images"].items())
        row = (about["name"], about["title"], len(about["classes"]), images, about["source"])
        table.add_row(*map(text, row))
    return Group(table, *problems)

"""``orthoui models``: every checkpoint there is."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from orthoui.cli.common import AsJson, emit, megabytes, percent, plain_table, reports_errors, text

if TYPE_CHECKING:
    from orthoui.models.card import ModelCard
    from orthoui.models.zoo import ModelEntry


@reports_errors
def models(as_json: AsJson = False) -> None:
    """List the models: where from, size, accuracy, how orthogonal their filters are."""
    from orthoui.models.zoo import default_model, zoo

    described = [_described(entry) for entry in zoo().entries()]
    default = default_model(zoo()) if zoo().trained() else None
    emit({"models": described, "default": default}, as_json, lambda: _listed(described))


def _described(entry: "ModelEntry") -> dict[str, Any]:
    about: dict[str, Any] = {
        "name": entry.name,
        "kind": "damaged",
        "source": _source(entry.path),
        "path": str(entry.path),
        "size_mb": megabytes(entry.path),
        "problem": entry.problem,
    }
    return about if entry.card is None else about | _carded(entry.card)


def _carded(card: "ModelCard") -> dict[str, Any]:
    without = [card.classes[label] if label < len(card.classes) else str(label) for label in card.forgets]
    cosines = list(card.filter_cosine.values())
    return {
        "kind": f"retrained without {' and '.join(without)}" if without else "trained",
        "forgets": card.forgets,
        "dataset": card.dataset,
        "title": card.title,
        "architecture": card.architecture,
        "width": card.width,
        "orthogonality": card.orthogonality,
        "seed": card.seed,
        "accuracy": card.accuracy,
        "mean_filter_cosine": sum(cosines) / len(cosines) if cosines else None,
    }


def _source(path: Path) -> str:
    from orthoui.settings import assets_folder

    return "embedded" if path.is_relative_to(assets_folder()) else "own"


def _listed(described: list[dict[str, Any]]) -> RenderableType:
    if not described:
        return "There are no models. Train one with “orthoui train”."
    table = plain_table("model", "kind", "from", "MB", "test accuracy", "filter cosine", numbers=(3, 4, 5))
    problems = []
    for about in described:
        row = [text(about["name"]), text(about["kind"]), about["source"], f"{about['size_mb']:.1f}"]
        if about["problem"] is None:
            cosine = about["mean_filter_cosine"]
            row += [percent(about["accuracy"].get("test")), "" if cosine is None else f"{cosine:.3f}"]
        else:
            problems.append(Text(about["problem"], style="red"))
        table.add_row(*row)
    folders = sorted({str(Path(about["path"]).parent) for about in described})
    return Group(table, Text(), *problems, Text("Folders: " + ", ".join(folders), style="dim"))

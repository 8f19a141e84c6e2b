"""``orthoui models``: every checkpoint there is."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orthoui.cli.common import AsJson, emit, megabytes, percent, plain_table, reports_errors, text

if TYPE_CHECKING:
    from orthoui.models.card import ModelCard
    from orthoui.models.zoo import ModelEntry

WITHOUT = "retrained without "


@reports_errors
def models(context: typer.Context, as_json: AsJson = False) -> None:
    """List the models: shipped, trained here, imported; size, accuracy, how orthogonal their filters are."""
    if context.invoked_subcommand is not None:
        return
    from orthoui.models.zoo import default_model, zoo

    described = [_described(entry) for entry in zoo().entries()]
    default = default_model(zoo()) if zoo().trained() else None
    emit({"models": described, "default": default}, as_json, lambda: _listed(described))


def _described(entry: "ModelEntry") -> dict[str, Any]:
    about: dict[str, Any] = {
        "name": entry.name,
        "kind": "damaged",
        "source": "embedded" if entry.origin == "shipped" else "own",
        "origin": entry.origin,
        "path": str(entry.path),
        "size_mb": megabytes(entry.path),
        "problem": entry.problem,
    }
    return about if entry.card is None else about | _carded(entry.card)


def _carded(card: "ModelCard") -> dict[str, Any]:
    from orthoui.training.told import trained_words

    without = [card.classes[label] if label < len(card.classes) else str(label) for label in card.forgets]
    cosines = list(card.filter_cosine.values())
    return {
        "kind": f"{WITHOUT}{' and '.join(without)}" if without else "trained",
        "forgets": card.forgets,
        "dataset": card.dataset,
        "title": card.title,
        "architecture": card.architecture,
        "width": card.width,
        "orthogonality": card.orthogonality,
        "seed": card.seed,
        "trained": trained_words(card),
        "accuracy": card.accuracy,
        "mean_filter_cosine": sum(cosines) / len(cosines) if cosines else None,
    }


def _listed(described: list[dict[str, Any]]) -> RenderableType:
    if not described:
        return "There are no models. Train one with “orthoui train”."
    folders: dict[str, list[dict[str, Any]]] = {}
    for about in described:
        folders.setdefault(str(Path(about["path"]).parent), []).append(about)
    parts: list[RenderableType] = []
    for folder, inside in folders.items():
        origin = "shipped" if inside[0]["origin"] == "shipped" else "trained and imported here"
        parts += [Text(f"{origin}: {folder}", style="dim", overflow="fold"), _table(inside), Text()]
    problems = [Text(about["problem"], style="red") for about in described if about["problem"]]
    return Group(*parts, *problems)


def _table(inside: list[dict[str, Any]]) -> Table:
    """Shipped models all have the same origin; their long names need its column."""
    origins = [] if inside[0]["origin"] == "shipped" else ["origin"]
    first = 3 + len(origins)
    table = plain_table(
        "model", *origins, "never saw", "trained", "MB", "test", "cosine", numbers=(first, first + 1, first + 2)
    )
    table.columns[0].no_wrap = True  # a name is there to be copied
    for about in inside:
        without = text(about["kind"].partition(WITHOUT)[2])
        row = [text(about["name"]), *(about[key] for key in origins), without, text(about.get("trained", ""))]
        row.append(f"{about['size_mb']:.1f}")
        if about["problem"] is None:
            cosine = about["mean_filter_cosine"]
            row += [percent(about["accuracy"].get("test")), "" if cosine is None else f"{cosine:.3f}"]
        else:
            row += ["damaged", ""]
        table.add_row(*row)
    return table

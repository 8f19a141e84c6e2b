"""Where the links of a cell lead, Forget with its setting or Methods with its method, and the words that say so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

from orthoui.forgetting.request import ForgetRequest
from orthoui.methods import METHODS
from orthoui.methods.setting_texts import written
from orthoui.models.zoo import Zoo
from orthoui.paper.finding import find_models
from orthoui.paper.others import method_settings
from orthoui.paper.plans import OTHER_METHODS, CellPlan, literal, plan_cells
from orthoui.paper.schema import Cell, Draw, Kind, Table
from orthoui.paper.setting import Setting
from orthoui.training.command import command_of, recipe_of
from orthoui.training.recipe import Recipe
from orthoui.ui.link import to_query
from orthoui.ui.view import View
from orthoui.wording import bounds, parse

KINDS: tuple[Kind, ...] = ("orthogonal", "plain", "retrained")


@dataclass(frozen=True)
class Way:
    """A link: its address, seen from this page, and what it says."""

    address: str
    words: str


@dataclass(frozen=True)
class Ways:
    """The links of a table's cells.

    ``models`` names the first model of every kind that is there; ``here`` are all that a class can be forgotten in,
    with their recipes; ``trainings`` are the recipes of the measured ones, by digest; ``classes`` are the names of
    the data set's classes, as far as they are known.
    """

    setting: Setting
    plans: Mapping[str, CellPlan]
    models: Mapping[Kind, str]
    here: Mapping[str, Recipe]
    trainings: Mapping[str, Recipe]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, table: Table, zoo: Zoo) -> Self:
        """Return the links of a table; no network is loaded."""
        plans = {plan.id: plan for plan in plan_cells(table.table, table.setting, table.classes)}
        found = {kind: find_models(zoo, table.setting, kind, 1) for kind in KINDS}
        models = {kind: entries[0].name for kind, entries in found.items() if entries}
        here = {entry.name: recipe_of(entry.card) for entry in zoo.trained() if entry.card is not None}
        return cls(table.setting, plans, models, here, table.trainings, table.classes)

    def of_draw(self, cell: Cell, draw: Draw) -> Way | None:
        """Return the link that opens what one draw measured; None where its network is not on this machine."""
        if cell.kind == "retrained":
            return self._beside(cell, draw)
        return self._way(cell, draw.model, draw) if self._is_here(draw) else None

    def commands(self, cell: Cell) -> list[str]:
        """Return the commands that train the networks of a cell, as far as their training is known."""
        recipes = [self.trainings[draw.model_digest] for draw in cell.draws if draw.model_digest in self.trainings]
        return list(dict.fromkeys(command_of(recipe, classes=self.classes) for recipe in recipes))

    def _is_here(self, draw: Draw) -> bool:
        """Whether a draw's network is on this machine, and not another one of its name."""
        own = self.here.get(draw.model)
        return own is not None and self.trainings.get(draw.model_digest, own) == own

    def of_cell(self, cell: Cell) -> Way | None:
        """Return the link that opens the setting of a cell that was not run; None where its model is not there."""
        if cell.kind == "retrained":
            return self._beside(cell)
        return self._way(cell, self.models[cell.kind]) if cell.kind in self.models else None

    def _beside(self, cell: Cell, draw: Draw | None = None) -> Way | None:
        """Return the link to the orthogonal network: a retrained one stands beside it, nothing is forgotten in it."""
        if "orthogonal" not in self.models:
            return None
        there = ", a retrained one beside it" if "retrained" in self.models else ""
        view = View(model=self.models["orthogonal"], request=self._request(cell, draw))
        return Way(_forget(view), f"Open the orthogonal network in Forget{there}")

    def _way(self, cell: Cell, model: str, draw: Draw | None = None) -> Way:
        view = View(model=model, request=self._request(cell, draw))
        if cell.measure in OTHER_METHODS:
            name = OTHER_METHODS[cell.measure]
            view = view.model_copy(update={"methods": (name,), "settings": _settings(cell.measure, draw)})
            return Way(f"./methods?{urlencode(to_query(view))}", f"Open Methods with {METHODS[name].title} chosen")
        if cell.measure == "fine-tuned":
            view = view.model_copy(update=_tuning(draw))
            return Way(_forget(view), "Open it pruned in Forget, where fine-tuning can be started")
        return Way(_forget(view), "Open in Forget" if draw else "Open this setting in Forget")

    def _request(self, cell: Cell, draw: Draw | None) -> ForgetRequest:
        """Return what the draw asked; what the first one would ask; the paper's setting where nothing is pruned."""
        planned = self.plans[cell.id].request(0) if cell.id in self.plans else None
        return (draw and draw.request) or planned or parse(ForgetRequest, literal(self.setting))


def _forget(view: View) -> str:
    return f"./?{urlencode(to_query(view))}"


def _settings(measure: str, draw: Draw | None) -> tuple[str, ...]:
    """Return what a method was asked beside its defaults of today."""
    usual, name = method_settings(measure), OTHER_METHODS[measure]
    asked = draw.settings if draw else {}
    return tuple(
        written(name, field, value)
        for field, value in asked.items()
        if field in usual and value != usual[field] and not isinstance(value, list | dict)
    )


def _tuning(draw: Draw | None) -> dict[str, Any]:
    """Return the settings of Forget's own fine-tuning that a draw had."""
    if draw is None or draw.fine_tuning is None:
        return {}
    most = int(bounds(View.model_fields["tune_epochs"])[1] or draw.fine_tuning.epochs)
    return {"tune_epochs": min(draw.fine_tuning.epochs, most), "tune_freeze": draw.fine_tuning.freeze_bn}

"""The links of the Paper page: what a cell's link opens, and that its words say no more than that."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from orthoui.forgetting.finetuning import FineTuning
from orthoui.models.zoo import zoo
from orthoui.paper.others import method_settings
from orthoui.paper.outline import outline
from orthoui.paper.schema import Draw, Table
from orthoui.paper.setting import EMBEDDED, ReproduceRequest, Setting, TableName
from orthoui.training.command import command_of, recipe_of
from orthoui.ui.link import from_query
from orthoui.ui.paper.ways import Way, Ways
from orthoui.ui.view import View
from tests.paper.made import accuracies, draw

OURS = "fashion-mnist-resnet18-w16-orthogonal"


def made(name: TableName, setting: Setting = EMBEDDED) -> Table:
    return outline(ReproduceRequest(table=name, **setting.model_dump()), zoo())


def opens(way: Way | None) -> tuple[str, View, str]:
    """The page, what it shows, and the link's words; a link must say nothing that is not allowed."""
    assert way is not None
    address = urlsplit(way.address)
    view, problems = from_query(dict(parse_qsl(address.query, keep_blank_values=True)), zoo())
    assert problems == []
    return address.path, view, way.words


def way_of_draw(name: TableName, cell_id: str, **fields: Any) -> tuple[Way | None, Draw]:
    table = made(name)
    cell = table.cell(cell_id)
    assert cell is not None
    one = draw(accuracies(3, 90)).model_copy(update={"model": OURS, **fields})
    return Ways.of(table, zoo()).of_draw(cell, one), one


def test_a_draw_opens_its_own_request() -> None:
    way, one = way_of_draw("table-3a", "orthogonal/0.05/floor")
    path, view, words = opens(way)
    assert (path, view.model, view.request, words) == ("./", OURS, one.request, "Open in Forget")


def test_nothing_else_is_opened_where_the_network_is_gone() -> None:
    assert way_of_draw("table-3a", "orthogonal/0.05/floor", model="gone")[0] is None
    assert way_of_draw("table-2", "SSD", model="gone", request=None)[0] is None


def test_a_network_of_the_same_name_that_was_trained_otherwise_is_not_opened_and_its_command_is_said() -> None:
    table, recipe = made("table-3a"), recipe_of(zoo().get(OURS).card)
    cell = table.cell("orthogonal/0.05/floor")
    assert cell is not None
    one = draw(accuracies(3, 90)).model_copy(update={"model": OURS})
    for trained, is_here in ((recipe, True), (recipe.model_copy(update={"epochs": 5}), False)):
        ways = Ways.of(table.model_copy(update={"trainings": {one.model_digest: trained}}), zoo())
        assert (ways.of_draw(cell, one) is not None) == is_here
        measured = cell.model_copy(update={"draws": (one, one)})
        assert ways.commands(measured) == [command_of(trained)]
    assert "--epochs 5" in command_of(trained)


def test_fine_tuning_is_set_and_not_promised() -> None:
    settings = FineTuning(epochs=2, freeze_bn=False)
    way, one = way_of_draw("appendix", "3/fine-tuned", fine_tuning=settings)
    path, view, words = opens(way)
    assert (path, view.request, view.tune_epochs, view.tune_freeze) == ("./", one.request, 2, False)
    assert words == "Open it pruned in Forget, where fine-tuning can be started"
    most = way_of_draw("appendix", "3/fine-tuned", fine_tuning=FineTuning(epochs=50))[0]
    assert opens(most)[1].tune_epochs == 10


@pytest.mark.parametrize(
    ("row", "method", "title"),
    [("SSD", "ssd", "SSD"), ("EMNI", "unsir", "UNSIR"), ("TF-IDF", "tfidf-pruning", "TF-IDF")],
)
def test_another_method_is_chosen_on_its_page(row: str, method: str, title: str) -> None:
    path, view, words = opens(way_of_draw("table-2", row, request=None, settings=method_settings(row))[0])
    assert (path, view.model, view.request.classes, view.methods) == ("./methods", OURS, (1,), (method,))
    assert view.settings == () and words.startswith(f"Open Methods with {title}") and words.endswith(" chosen")


def test_what_a_method_was_asked_goes_with_it() -> None:
    asked = {**method_settings("SSD"), "selection": 3.0, "gone": 1}
    assert opens(way_of_draw("table-2", "SSD", request=None, settings=asked)[0])[1].settings == ("ssd.selection=3.0",)


def test_a_retrained_network_stands_beside_the_original() -> None:
    way, _ = way_of_draw("table-2", "Retrain", model=f"{OURS}-without-1", request=None)
    path, view, words = opens(way)
    assert (path, view.model, view.request.classes) == ("./", OURS, (1,))
    assert words == "Open the orthogonal network in Forget, a retrained one beside it"


def test_a_cell_that_was_not_run_opens_the_same_setting() -> None:
    table = made("table-3a")
    ways = Ways.of(table, zoo())
    for cell in table.cells:
        _, view, words = opens(ways.of_cell(cell))
        assert (view.request.ratio, view.request.attenuation) == (cell.at, cell.reading)
        assert view.model.endswith(cell.kind) and words == "Open this setting in Forget"
    others: tuple[TableName, ...] = ("table-1", "table-2", "appendix", "figure-1")
    for name in others:
        table = made(name)
        assert all(Ways.of(table, zoo()).of_cell(cell) for cell in table.cells), name


def test_a_setting_without_networks_has_no_links(home: Path) -> None:
    table = made("table-2", Setting(dataset="cifar100"))
    assert [Ways.of(table, zoo()).of_cell(cell) for cell in table.cells] == [None] * len(table.cells)

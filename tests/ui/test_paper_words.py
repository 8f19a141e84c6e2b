"""What a cell of the page Paper says of how its number was obtained."""

from orthoui.ui.paper.words import how
from tests.paper.made import accuracies, table

COMMAND = "orthoui train --recipe tinyimagenet-resnet18 --width 16 --epochs 5"


def test_a_cell_says_by_which_command_its_network_was_trained() -> None:
    cell = table("table-1", {"plain": accuracies(40, 37)}).cell("plain")
    assert cell is not None
    assert not any("Trained by" in sentence for sentence in how(cell, "retain_accuracy"))
    draws = tuple(draw.model_copy(update={"trained": COMMAND}) for draw in cell.draws)
    cell = cell.model_copy(update={"draws": draws * 2})
    assert f"Trained by “{COMMAND}”." in how(cell, "retain_accuracy")

"""A bad value in a link is explained, and nothing else that the link says is lost."""

import pytest

from orthoui.ui.link import (
    RECIPE_FIELDS,
    REQUEST_FIELDS,
)
from tests.ui.views import CHOICES, NAMES, PAPER_IN_LINK, PLAIN, REFERENCE, opened

BAD = [
    ("model", "resnet9000", "fashion-mnist-resnet18-w16-orthogonal, fashion-mnist-resnet18-w16-plain. The default"),
    ("model", "", "Choose one of: cifar10-resnet18-w64-orthogonal"),
    ("model", REFERENCE, "nothing can be forgotten in it. Choose one of: cifar10-resnet18-w64-orthogonal,"),
    ("classes", "12", "Choose one of: 0 (T-shirt), 1 (Trouser)"),
    ("classes", "boot", "9 (Ankle boot)"),
    ("classes", "9" * 5_000, "Choose one of: 0 (T-shirt)"),
    ("classes", "", "names no class"),
    ("classes", "0-1-2-3-4-5-6-7-8-9", "nothing would be left to keep"),
    ("ratio", "0.9", "Ratio cannot be 0.9: choose a number from 0 to 0.5"),
    ("ratio", "-0.1", "from 0 to 0.5"),
    ("ratio", "nan", "from 0 to 0.5"),
    ("ratio", "a lot", "from 0 to 0.5"),
    ("strength", "1e999", "Strength cannot be 1e999: choose a number from 0 to 1"),
    ("strength", "", "from 0 to 1"),
    ("attenuation", "soft", "choose floor, scaled or uniform"),
    ("score", "best", "choose difference, margin, standardised or random"),
    ("target", "fc", "choose conv, bn or conv_sync"),
    ("scope", "stage", "“all”, “stage:N+N” or “layers:NAME+NAME”"),
    ("scope", "stage:9", "Choose one of: 1, 2, 3, 4"),
    ("scope", "layers:conv7", "Choose one of: conv1, layer1.0.conv1"),
    ("images_per_class", "0", "choose a whole number from 1 to 1,000,000"),
    ("images_per_class", "2.5", "choose a whole number from 1 to 1,000,000"),
    ("read_at", "fc", "choose conv, bn or relu"),
    ("seed", "-1", "choose a whole number from 0 to 2,147,483,647"),
    ("edits", "conv1:3", "written layer:channel:fraction kept"),
    ("edits", "conv1:3:1.5", "written layer:channel:fraction kept"),
    ("edits", "conv1:16:1", "its channels are 0 to 15"),
    ("edits", "conv7:0:1", "Choose one of: conv1"),
    ("edits", "~".join(["conv1:3:0.5"] * 501), "The link sets 501 channels by hand; at most 500 are allowed"),
    ("example", "-1", "choose a whole number from 0 to 1,000,000"),
    ("other", "10", "Choose one of: 0, 1, 2"),
    ("other", "x", "choose a number from 0 to 10,000"),
    ("layer", "conv7", "Choose one of: conv1"),
    ("layer", "x" * 300, "at most 200 characters"),
    ("channel", "-1", "choose a number from 0 to 100,000"),
    ("channel", "16", "Layer conv1 has no channel 16; its channels are 0 to 15"),
    ("subject", "10", "Choose one of: 0, 1, 2"),
    ("every", "maybe", "choose true or false"),
    ("cam_layer", "fc", "Choose one of: conv1"),
    ("cam_class", "10", "Choose one of: 0, 1, 2"),
    ("cam_order", "best", "choose most, least or stored"),
    ("cam_rows", "31", "choose a whole number from 1 to 30"),
    ("tune_epochs", "11", "Epochs at most cannot be 11: choose a whole number from 1 to 10"),
    ("train_name", "x" * 300, "at most 200 characters"),
    ("runs_shown", "some", "choose session or all"),
    ("result", "x" * 81, "at most 80 characters"),
    ("methods", "ssd~imaginary", "There is no method “imaginary”"),
    ("pinned", "a~b~c~d~e~f~g", "Runs looked at"),
    ("settings", "ssd.selection=-3", "Selection"),
    ("settings", "ssd.selection", "is no setting: write METHOD.FIELD=VALUE"),
    ("settings", "imaginary.seed=3", "There is no method “imaginary”"),
    ("relearn", "maybe", "choose true or false"),
    ("ledger_kind", "x" * 201, "Kind of the runs"),
    ("ledger_model", "x" * 201, "Model"),
    ("ledger_dataset", "", "Data set"),
    ("ledger_tag", "x" * 201, "Tag"),
    ("ledger_state", "done~over", "“over”"),
    ("ledger_sort", "seed", "choose -created, created"),
    ("ledger_text", "x" * 201, "Search"),
    ("method_columns", "some", "choose measured, interval, gap or paper"),
    ("every_run", "maybe", "choose true or false"),
    ("train_width", "3", "Width cannot be 3: choose a whole number from 4 to 512"),
    ("train_orthogonality", "2", "choose a number from 0 to 1"),
    ("train_penalty", "best", "choose gram, srip or ocnn"),
    ("train_ortho_layers", "some", "choose all, no_stem or no_1x1"),
    ("train_gradient_restriction", "2", "choose a number from 0 to 1"),
    ("train_epochs", "0", "choose a whole number from 1 to 1,000"),
    ("train_batch_size", "1", "choose a whole number from 2 to 8,192"),
    ("train_learning_rate", "0", "choose a number"),
    ("train_muon", "2", "choose a number from 0 to 1"),
    ("train_momentum", "1", "choose a number"),
    ("train_weight_decay", "1", "choose a number from 0 to 0.1"),
    ("train_label_smoothing", "1", "choose a number"),
    ("train_crop_padding", "17", "choose a whole number from 0 to 16"),
    ("train_flip", "maybe", "choose true or false"),
    ("train_alternate", "maybe", "choose true or false"),
    ("train_cutout", "-1", "choose a whole number from 0 to 512"),
    ("train_small_crop", "513", "choose a whole number from 0 to 512"),
    ("train_small_share", "1", "choose a number"),
    ("train_seed", "-1", "choose a whole number from 0 to 2,147,483,647"),
    ("train_forgets", "x", "The default is used instead."),
    ("paper_architecture", "resnet19", "There is no architecture “resnet19”. Choose one of: resnet18"),
    ("paper_width", "3", "Width cannot be 3: choose a whole number from 4 to 512"),
    ("paper_orthogonality", "0", "choose a number"),
    ("paper_read_at", "fc", "choose conv, bn or relu"),
    ("paper_forget_class", "-1", "choose a whole number from 0 to 10,000"),
    ("tune_freeze", "maybe", "Keep batch norm statistics cannot be “maybe”: choose true or false"),
]


@pytest.mark.parametrize(("name", "text", "allowed"), BAD)
def test_a_bad_value_is_explained_and_its_default_used(name: str, text: str, allowed: str) -> None:
    good = {"model": PLAIN, "classes": "3", "ratio": "0.2", "strength": "0.5", "example": "4"}
    view, problems = opened({**good, name: text})
    assert len(problems) == 1
    assert allowed in problems[0]
    assert problems[0].endswith((" The default is used instead.", " is shown instead."))
    expected, _ = opened({key: value for key, value in good.items() if key != name})
    assert view == expected  # what else the link says is kept


def test_every_parameter_is_tried_with_a_bad_value() -> None:
    recipe = {f"train_{name}" for name in RECIPE_FIELDS} - {*NAMES}
    assert {name for name, _, _ in BAD} == {*CHOICES, *REQUEST_FIELDS, *recipe, *PAPER_IN_LINK} - {*NAMES}

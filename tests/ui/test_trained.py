"""What the page says of a model's training."""

from orthoui.ui.trained import training_lines
from tests.tiny import tiny_card

RECIPE = {"epochs": 18, "batch_size": 128, "penalty": "srip", "ortho_layers": "all", "flip": True, "seed": 3}
MEASURED = {
    "accuracy": {"train": 95.46, "calibration": 93.0, "test": 92.5},
    "filter_cosine": {"conv1": 0.01, "layer1.0.conv1": 0.03}, "training_seconds": 351.0,
}  # fmt: skip


def test_recipe_seed_accuracies_overlap_and_time_are_told() -> None:
    assert training_lines(tiny_card(recipe=RECIPE, seed=3, **MEASURED)) == [
        "Trained by OrthoUI: 18 epochs, λ 0.001, SRIP, seed 3.",
        "Recipe: Penalty Spectral (SRIP), Layers it acts on All, Batch size 128, Mirror half of the images on.",
        "Training time: 5 min.",
        "Right answers: 92.5 % of the test images, 93.0 % of the calibration images and 95.5 % of the training "
        "images.",
        "How much the filters of a layer overlap (mean absolute cosine; 0 is orthogonal): 0.020, the mean over 2 "
        "layers.",
    ]


def test_on_a_plain_network_there_is_no_penalty_to_tell() -> None:
    (line,) = (line for line in training_lines(tiny_card(recipe=RECIPE, orthogonality=0.0)) if "Recipe" in line)
    assert line == "Recipe: Batch size 128, Mirror half of the images on."


def test_what_nobody_knows_is_said() -> None:
    assert training_lines(tiny_card(origin="imported")) == [
        "Imported: how it was trained is not known.",
        "Right answers: not measured.",
        "How much the filters of a layer overlap (mean absolute cosine; 0 is orthogonal): not measured.",
    ]

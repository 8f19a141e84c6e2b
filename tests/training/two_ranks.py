"""Train tiny recipes in double precision and write the weights: run by ``torchrun`` twice, and by hand once.

Each is trained as a whole, and once more from the state after its first epoch.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from orthoui.training.loop import Training
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe
from orthoui.training.watching import StateFile, run_from_kept
from tests.tiny import MEAN, STD, tiny_dataset

RECIPE = Recipe(dataset="tiny", width=4, epochs=2, batch_size=24, learning_rate=0.02, orthogonality=0.01)
RECIPES = {
    "sgd": RECIPE,
    "muon": RECIPE.model_copy(update={"muon": 0.05}),
    "restricted": RECIPE.model_copy(update={"gradient_restriction": 0.02}),
    "cutout": RECIPE.model_copy(update={"cutout": 5, "alternate": True}),
}


class FirstEpoch(StateFile):
    """Keeps the state after the first epoch and no other."""

    def wants_state(self, *, epoch_ended: bool) -> bool:
        return epoch_ended and self.path is not None and not self.path.exists()


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    fabric = make_fabric(torch.device("cpu"), "64-true")
    for case, recipe in RECIPES.items():
        for name in ("whole", "resumed"):
            training = Training(tiny_dataset(), recipe, (MEAN, STD), fabric)
            network = run_from_kept(training, FirstEpoch(folder / f"{case}-state"))
            if fabric.is_global_zero:
                numbers = {"loss": torch.tensor([epoch.loss for epoch in training.history])}
                weights = {key: tensor.contiguous() for key, tensor in network.state_dict().items()}
                save_file({**weights, **numbers}, folder / f"{case}-{name}")


if __name__ == "__main__":
    main()

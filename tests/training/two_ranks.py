"""Train the tiny recipe in double precision and write the weights: run by ``torchrun`` twice, and by hand once."""

import sys

import torch
from safetensors.torch import save_file

from orthoui.training.loop import Training
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe
from orthoui.training.watching import StateFile
from tests.tiny import MEAN, STD, tiny_dataset

RECIPE = Recipe(dataset="tiny", width=4, epochs=2, batch_size=24, learning_rate=0.02, orthogonality=0.01)


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    fabric = make_fabric(torch.device("cpu"), "64-true")
    training = Training(tiny_dataset(), RECIPE, (MEAN, STD), fabric)
    network = training.run(StateFile())
    if fabric.is_global_zero:
        numbers = {"loss": torch.tensor([epoch.loss for epoch in training.history])}
        weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        save_file({**weights, **numbers}, sys.argv[1])


if __name__ == "__main__":
    main()

"""Train a tiny recipe and keep the state after every step: a process of its own, for a test to kill.

It tells the number of every state that is kept, and dawdles after that at which the test kills it.
"""

import sys
import time
from pathlib import Path

import torch

from orthoui.training.loop import Training
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe
from orthoui.training.state import State
from orthoui.training.watching import StateFile
from tests.tiny import MEAN, STD, tiny_dataset

RECIPE = Recipe(dataset="tiny", width=4, epochs=2, batch_size=20, learning_rate=0.05, orthogonality=0.01)
KILLED_AFTER = 9
"""States: five steps and the end of the first epoch, then three of the six steps of the second."""
DAWDLED = 2.0
"""Seconds before each further step, so that the kill arrives within the epoch also on a busy machine."""


class EveryStep(StateFile):
    """Keeps the state after every step."""

    kept = 0

    def wants_state(self, *, epoch_ended: bool) -> bool:  # noqa: ARG002  both kinds are kept
        if self.kept >= KILLED_AFTER:
            time.sleep(DAWDLED)
        return True

    def keep(self, state: State) -> bool:
        kept = super().keep(state)
        self.kept += 1
        sys.stdout.write(f"{self.kept}\n")
        sys.stdout.flush()
        return kept


def main() -> None:
    torch.set_num_threads(1)
    Training(tiny_dataset(), RECIPE, (MEAN, STD), make_fabric(torch.device("cpu"))).run(EveryStep(Path(sys.argv[1])))


if __name__ == "__main__":
    main()

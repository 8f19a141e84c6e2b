"""Several processes: the same training as one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from orthoui.errors import RequestError
from orthoui.training.parallel import make_fabric, own_share

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-8
"""Largest relative distance between the weights after ten steps in double precision, sums in another order."""


def trained(folder: Path, processes: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return what ``two_ranks`` trained as a whole, and what it trained from a kept state."""
    folder.mkdir()
    launcher = (
        ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    )
    subprocess.run(
        [sys.executable, *launcher, "-m", "tests.training.two_ranks", str(folder)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=180,
        capture_output=True,
    )
    return load_file(folder / "whole"), load_file(folder / "resumed")


@pytest.mark.timeout(300)
def test_two_processes_train_the_same_network_as_one_also_from_a_kept_state(tmp_path: Path) -> None:
    (one, _), both = trained(tmp_path / "one", 1), trained(tmp_path / "two", 2)
    for two in both:
        assert one.keys() == two.keys()
        for name, tensor in one.items():
            distance = (two[name].double() - tensor.double()).norm() / tensor.double().norm().clamp(min=1e-6)
            assert float(distance) < TOLERANCE, f"{name}: {float(distance)}"


def test_shares_are_disjoint_and_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    fabric = make_fabric(torch.device("cpu"))
    batch = torch.arange(8)
    monkeypatch.setattr(type(fabric), "world_size", 2)
    shares = []
    for rank in range(2):
        monkeypatch.setattr(type(fabric), "global_rank", rank)
        shares.append(own_share(batch, fabric).tolist())
    assert shares == [[0, 2, 4, 6], [1, 3, 5, 7]]
    with pytest.raises(RequestError, match="A batch of 7 images cannot be shared equally by 2 processes"):
        own_share(torch.arange(7), fabric)

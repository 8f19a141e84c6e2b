"""Several processes: the same training as one."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file
from torch import nn

from orthoui.errors import RequestError
from orthoui.training.parallel import make_fabric, own_share, share_statistics
from tests.training.two_ranks import RECIPES

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-8
"""Largest relative distance between the weights after ten steps in double precision, sums in another order."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What ``two_ranks`` left when one process ran it, and when two did."""
    one, two = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    train(one, 1)
    train(two, 2)
    return one, two


def train(folder: Path, processes: int) -> None:
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


@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", RECIPES)
def test_two_processes_train_the_same_network_as_one_also_from_a_kept_state(
    folders: tuple[Path, Path], case: str
) -> None:
    one = load_file(folders[0] / f"{case}-whole")
    for way in ("whole", "resumed"):
        two = load_file(folders[1] / f"{case}-{way}")
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


def test_batch_norms_that_do_more_are_refused_for_several_processes() -> None:
    class Activated(nn.BatchNorm2d):
        """One with an activation in it, as some timm networks have."""

    several, one = (cast(Fabric, SimpleNamespace(world_size=count, device=torch.device("cpu"))) for count in (2, 1))
    network = nn.Sequential(nn.BatchNorm2d(3), Activated(3))
    with pytest.raises(RequestError, match=r"its batch norms \(Activated\) are none that processes can share"):
        share_statistics(network, several)
    assert share_statistics(network, one) is network
    assert type(share_statistics(network[:1], several)[0]).__name__ == "SharedBatchNorm2d"

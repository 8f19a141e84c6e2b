"""The training's share of the convolution peak: the count of operations, the clock, the rows."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from orthoui.bench import training
from orthoui.bench.peak import Convolution, Peak, convolution_peak, forward_flops
from orthoui.bench.promises import TRAINING_ROWS, training_row
from orthoui.bench.rows import NO_GPU
from orthoui.bench.sizes import QUICK
from orthoui.bench.subjects import made_up_data, shortened
from orthoui.data import Dataset
from orthoui.training import loop
from orthoui.training.parallel import make_fabric
from orthoui.training.recipe import Recipe

CPU = torch.device("cpu")
SMALL = replace(QUICK, training_blocks=1, training_batch=4, width=4)


def test_operations_are_counted_twice_the_published_multiplications() -> None:
    assert forward_flops("resnet18", 10, 64, 32) == 2 * 555_422_720
    assert Convolution(images=2, channels=3, side=5).flops == 2 * (2 * 5 * 5 * 3) * (9 * 3)


def test_the_peak_is_the_best_of_the_convolutions() -> None:
    tried = (Convolution(1, 4, 4), Convolution(2, 8, 8))
    peak = convolution_peak(CPU, tried, seconds=0.01)
    assert peak.rate > 0
    assert peak.convolution in tried


def test_a_rate_becomes_a_share_of_the_peak() -> None:
    peak = Peak(400.0, Convolution(128, 256, 16))
    row = training.share_of_peak(training_row("plain", "cpu"), [0.5, 0.4, 1.0], 100, Recipe(), peak, torch.bfloat16)
    assert row.value == pytest.approx(50)
    assert row.met is True
    assert row.how.startswith("n = 3 blocks of 5 steps, median 50.0 %")
    assert "500 ms per step of 128 images" in row.how
    assert "in bfloat16 (3×3, 256 channels, 128 maps of 16×16)" in row.how
    slow = training.share_of_peak(training_row("plain", "cpu"), [0.51], 100, Recipe(), peak, torch.float32)
    assert slow.met is False


@pytest.mark.parametrize("crop", [0, 16])
def test_every_block_of_a_real_training_is_timed(monkeypatch: pytest.MonkeyPatch, crop: int) -> None:
    shown: list[int] = []
    augment = loop.augment

    def spy(*images: Any, crop: int, **options: Any) -> Any:
        shown.append(crop)
        return augment(*images, crop=crop, **options)

    monkeypatch.setattr(loop, "augment", spy)
    recipe = training.paper_recipe(SMALL, 0.01)
    assert (recipe.width, recipe.batch_size, recipe.orthogonality) == (4, 4, 0.01)
    seconds = training.made_up_steps(recipe, make_fabric(CPU), 2, crop)
    assert len(seconds) == 2
    assert min(seconds) > 0
    assert shown == [crop] * (3 * training.BLOCK + 1)


def test_there_is_a_row_for_every_kind_and_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "convolution_peak", lambda device: Peak(1e12, Convolution(1, 1, 1)))
    told: list[str] = []
    rows = list(training.training_rows(SMALL, told.append))
    assert [row.what for row in rows] == [row.what for row in TRAINING_ROWS]
    assert all(row.value for row in rows[:2])
    if not torch.cuda.is_available():
        assert {row.reason for row in rows[2:]} == {NO_GPU}
    assert "training on cpu, orthogonal" in told


def test_made_up_images_are_like_cifar_and_always_the_same() -> None:
    data = made_up_data(30)
    assert data["train"].images.shape == (30, 3, 32, 32)
    assert len(data.classes) == int(data["train"].labels.max()) + 1 == 10
    assert data["train"].digest == made_up_data(30)["train"].digest


def test_a_shortened_data_set_repeats_what_it_lacks(data: Dataset) -> None:
    short = shortened(data, len(data["train"]) + 5)
    assert torch.equal(short["train"].images[-5:], short["train"].images[:5])
    assert len(set(short["train"].labels[:30].tolist())) == len(data.classes)
    assert short["calibration"].labels.tolist() == list(range(len(data.classes)))
    assert short["test"] is data["test"]

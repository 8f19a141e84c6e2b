"""``orthoui train --scheme``: what is left beside the model, and what is refused."""

from pathlib import Path

import pytest
import torch

from orthoui.methods import METHODS
from orthoui.models.zoo import zoo
from orthoui.training.schemes.options import SCHEMES
from tests.cli.calling import answer, call, refusal
from tests.cli.conftest import RECIPE

SHARDS = "--scheme sisa --shards 2 --slices 2 --slice-epochs 1"


@pytest.mark.parametrize(
    ("options", "kind"), [(SHARDS, "sisa"), ("--scheme amnesiac --log-batches pure", "amnesiac")]
)
def test_a_prepared_model_offers_its_method(home: Path, options: str, kind: str) -> None:
    said = answer(f"train {RECIPE} {options}")
    assert said["model"] == f"tiny-resnet18-w4-orthogonal-{kind}"
    folder = home / "models" / f"{said['model']}.{kind}"
    assert said["preparation"]["path"] == str(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert said["preparation"]["size_mb"] == pytest.approx(size / 1e6, abs=0.01)
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    model = zoo().get(said["model"])
    assert METHODS[kind].obstacle(model) is None
    assert model.network(torch.zeros(1, 3, 8, 8)).shape == (1, 3)
    assert METHODS[kind].obstacle(zoo().get("tiny")) is not None


def test_people_see_what_is_kept_and_all_epochs(home: Path) -> None:
    result = call(f"train {RECIPE} {SHARDS} --name mine")
    assert result.exit_code == 0, result.stderr
    assert "epoch 1 of 4: loss " in result.stderr and "epoch 4 of 4: loss " in result.stderr
    assert "kept for a later forgetting" in result.stdout.replace("\n", " ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--scheme shredding", "There is no scheme “shredding”. Choose one of: amnesiac, sisa."),
        ("--shards 3", "--shards belongs to --scheme sisa."),
        ("--scheme amnesiac --slice-epochs 3", "--slice-epochs belongs to --scheme sisa."),
        ("--scheme sisa --log-batches pure", "--log-batches belongs to --scheme amnesiac."),
        ("--disk-gb 3", "--disk-gb belongs to --scheme amnesiac or sisa."),
        ("--scheme sisa --shards 65", "Shards cannot be 65: choose a whole number from 1 to 64."),
        ("--scheme sisa --slices 0", "Slices cannot be 0: choose a whole number from 1 to 64."),
        ("--scheme sisa --slice-epochs 0", "Epochs per slice cannot be 0"),
        ("--scheme sisa --packing tight", "Packing cannot be “tight”: choose random or class."),
        ("--scheme sisa --disk-gb 0.001", "beside the model, and 0.001 GB are allowed"),
    ],
)
def test_refused_before_training(home: Path, tmp_path: Path, options: str, words: str) -> None:
    assert words in refusal(f"train {RECIPE} --out '{tmp_path}' {options}")
    assert list(tmp_path.glob("*.safetensors")) == []


def test_options_are_the_schemes_fields() -> None:
    said = call("train --help").stdout
    for kind in SCHEMES.values():
        for field in set(kind.model_fields) - {"kind"}:
            assert f"--{field.replace('_', '-')}" in said


def test_a_damaged_preparation_is_as_good_as_none(home: Path) -> None:
    answer(f"train {RECIPE} --scheme amnesiac --name mine")
    (home / "models" / "mine.amnesiac" / "about.json").write_text("[]")
    words = METHODS["amnesiac"].obstacle(zoo().get("mine"))
    assert words is not None and words.endswith("--scheme amnesiac`.")
    assert "Train one like it that does: `orthoui train --" in words

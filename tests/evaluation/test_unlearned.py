"""Networks that methods left: kept exactly, opened on the same model only, the oldest leave when room is short."""

import copy
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from orthoui.data import Dataset
from orthoui.errors import RequestError
from orthoui.evaluation.pipeline import forget
from orthoui.evaluation.summary import document, to_csv
from orthoui.evaluation.unlearned import FILE, is_kept, keep_network, load_network, make_room
from orthoui.evaluation.verdict import judge
from orthoui.forgetting.request import ForgetRequest
from orthoui.models.trained import TrainedModel
from tests.tiny import as_model, random_network, same_tensors, state_of, tiny_images

IMAGES = tiny_images(2, 5).images


def other_than(model: TrainedModel) -> nn.Module:
    return random_network(model.card.architecture, seed=9)


def test_what_is_kept_comes_back_bit_for_bit(model: TrainedModel, tmp_path: Path) -> None:
    network = other_than(model)
    assert keep_network(tmp_path, network, model, IMAGES)
    assert is_kept(str(tmp_path)) and not is_kept(str(tmp_path / "elsewhere")) and not is_kept(None)
    opened = load_network("run", "SCRUB", tmp_path, 2.5, model)
    assert same_tensors(opened.network, state_of(network))
    assert (opened.run, opened.method, opened.seconds) == ("run", "SCRUB", 2.5)


def test_a_network_of_another_build_is_not_kept(model: TrainedModel, tmp_path: Path) -> None:
    assert not keep_network(tmp_path, nn.Sequential(model.network), model, IMAGES)
    assert not (tmp_path / FILE).exists()


def test_a_network_of_equal_weights_that_answers_otherwise_is_not_kept(model: TrainedModel, tmp_path: Path) -> None:
    turned = copy.deepcopy(model.network)
    turned.register_forward_hook(lambda _, __, logits: -logits)
    assert not keep_network(tmp_path, turned, model, IMAGES)


def test_the_pipeline_measures_it_in_place_of_soft_pruning(
    model: TrainedModel, data: Dataset, tmp_path: Path
) -> None:
    keep_network(tmp_path, model.network, model, IMAGES)
    same = load_network("run", "Nothing", tmp_path, 1.0, model)
    *_, outcome = forget(model, data, ForgetRequest(classes=(1,), ratio=0.5), unlearned=same, membership=False)
    assert outcome.method == "Nothing" and not outcome.unchanged
    assert outcome.measured["after"].confusion.tolist() == outcome.measured["before"].confusion.tolist()
    assert "random" not in outcome.measured and outcome.plan.touched_channels == 0
    assert outcome.timings_ms["unlearn"] == 1000
    told = document(outcome)
    assert (told["method"], told["run"]) == ("Nothing", "run") and not {"request", "seed"} & told.keys()
    assert to_csv(outcome).splitlines()[0].startswith("model,dataset,forgotten,split,method,run,network")
    assert judge(outcome).kind != "unchanged"


def test_another_models_network_and_a_lost_or_damaged_one_are_refused(model: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="not kept any more"):
        load_network("run", "SSD", tmp_path, 1.0, model)
    wider = model.card.model_copy(update={"width": 8})
    other = as_model(random_network(model.card.architecture, width=8), wider)
    keep_network(tmp_path, other.network, other, IMAGES)
    with pytest.raises(RequestError, match="another model"):
        load_network("run", "SSD", tmp_path, 1.0, model)
    (tmp_path / FILE).write_bytes(b"nonsense")
    with pytest.raises(RequestError, match="What SSD left cannot be opened"):
        load_network("other run", "SSD", tmp_path, 1.0, model)


def test_the_oldest_leave_first(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "middle", "old")):
        (tmp_path / name).mkdir()
        (tmp_path / name / FILE).write_bytes(bytes(10))
        os.utime(tmp_path / name / FILE, (1_000_000 - age, 1_000_000 - age))
    make_room(tmp_path, 25)
    assert sorted(path.parent.name for path in tmp_path.glob(f"*/{FILE}")) == ["middle", "new"]
    make_room(tmp_path, 5)
    assert [path.parent.name for path in tmp_path.glob(f"*/{FILE}")] == ["new"]


def test_weights_in_double_precision_are_kept_as_the_model_has_them(model: TrainedModel, tmp_path: Path) -> None:
    keep_network(tmp_path, other_than(model).double(), model, IMAGES)
    opened = load_network("run", "Own", tmp_path, 1.0, model)
    assert {tensor.dtype for tensor in opened.network.parameters()} == {torch.float32}

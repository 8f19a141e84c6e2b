"""TF-IDF pruning: its card's checks and pitfalls."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from orthoui.methods.filters import filter_tensors
from orthoui.methods.tfidf_pruning import (
    TfidfRequest,
    class_means,
    inverse_frequency,
    marked,
    term_frequency,
    tfidf,
)
from orthoui.methods.work import Watch, Work
from orthoui.models.trained import TrainedModel
from tests.methods.spying import DATA, done
from tests.tiny import inputs, same_tensors, state_of


def some_means(classes: int = 5, channels: int = 12) -> Tensor:
    return torch.rand(classes, channels, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 0.1


def test_ratio_0_without_fine_tuning_is_the_identity(model: TrainedModel) -> None:
    for ranking in ("global", "layer"):
        after = done("tfidf-pruning", model, ratio=0, epochs=0, ranking=ranking)
        assert same_tensors(after.network, state_of(model.network))


def test_term_frequencies_sum_to_1_in_every_layer_and_class(model: TrainedModel) -> None:
    work = Work(model, DATA, TfidfRequest(classes=(1,)), Watch())
    for of_layer in class_means(work, 120).values():
        assert torch.allclose(term_frequency(of_layer).sum(1), torch.ones(4, dtype=torch.float64))


def test_the_statistic_is_the_mean_of_the_rectified_convolution(model: TrainedModel) -> None:
    work = Work(model, DATA, TfidfRequest(classes=(1,)), Watch())
    found = class_means(work, 120)["conv1"]
    train = DATA["train"]
    with torch.no_grad():
        expected = F.relu(model.network.conv1(inputs(train))).mean((2, 3)).double()
    assert torch.allclose(found[2], expected[train.labels == 2].mean(0), atol=1e-6)
    assert work.samples == work.forward_passes == 120


def test_scores_do_not_depend_on_the_scale_of_a_layer() -> None:
    means = some_means()
    assert torch.allclose(tfidf(1000 * means, (2,)), tfidf(means, (2,)))


def test_a_planted_channel_of_the_class_ranks_first_in_both_rankings() -> None:
    scores = {}
    for name, width in (("wide", 40), ("narrow", 10)):
        means = torch.ones(10, width, dtype=torch.float64)
        means[3, 7] += 20  # only class 3 reaches the mean of channel 7
        scores[name] = tfidf(means, (3,))
        assert int(scores[name].argmax()) == 7
    assert {name: of.tolist() for name, of in marked(scores, 0.04, "global").items()} == {"wide": [7], "narrow": [7]}
    assert {name: of.tolist() for name, of in marked(scores, 0.1, "layer").items()} == {"wide": [7], "narrow": [7]}


def test_narrow_layers_come_first_in_one_list_unless_balanced() -> None:
    means = {"wide": torch.ones(10, 100).double(), "narrow": torch.ones(10, 10).double()}
    for of_layer in means.values():
        of_layer[3, 0] = 3
    plain = {name: float(tfidf(of, (3,))[0]) for name, of in means.items()}
    even = {name: float(tfidf(of, (3,), balance=20)[0]) for name, of in means.items()}
    assert plain["narrow"] / plain["wide"] > 2 * even["narrow"] / even["wide"]
    factor = math.log(math.e * 100 / 20)
    assert even["wide"] == pytest.approx(factor * plain["wide"])


def test_channels_that_serve_most_classes_are_never_picked() -> None:
    means = torch.ones(4, 3, dtype=torch.float64)
    means[0, 0] = 0.5  # C − 1 classes reach the mean: IDF = log(4/4) = 0
    means[1, 1] = 9.0  # one class does: IDF = log(4/2)
    assert inverse_frequency(means).tolist() == pytest.approx([0, math.log(2), math.log(4 / 5)])
    scores = {"layer": tfidf(means, (1,))}
    assert marked(scores, 0.95, "global")["layer"].tolist() == [1]
    assert marked(scores, 0.95, "layer")["layer"].tolist() == [1]


def test_public_copies_pick_from_the_other_end() -> None:
    scores = {"layer": torch.tensor([0.3, -0.2, 0.1, 0.0])}
    assert marked(scores, 0.5, "global")["layer"].tolist() == [0, 2]
    assert marked(scores, 0.5, "global", lowest=True)["layer"].tolist() == [1, 3]


def test_a_dead_layer_scores_nothing() -> None:
    assert not term_frequency(torch.zeros(4, 3)).any()


@pytest.mark.parametrize("norms", [True, False])
def test_what_was_cut_is_still_exactly_0_after_fine_tuning(model: TrainedModel, norms: bool) -> None:
    fields = {"ratio": 0.2, "ranking": "layer", "norms": norms, "images": 120}
    cut = done("tfidf-pruning", model, **fields, epochs=0).network
    tuned = done("tfidf-pruning", model, **fields, epochs=2).network
    count = 0
    for layer in model.anatomy.layers:
        gone = cut.get_submodule(layer.name).weight.flatten(1).abs().sum(1) == 0
        count += int(gone.sum())
        for tensor in filter_tensors(tuned, layer, norms=norms):
            assert not tensor[gone].any()
        if not norms and gone.any():
            assert tuned.get_submodule(str(layer.norm)).weight[gone].all()
    assert count > 20
    assert not torch.equal(tuned.fc.weight, cut.fc.weight)


def test_as_in_the_public_code_batch_norms_are_left_alone(model: TrainedModel) -> None:
    fields = {"ratio": 0.2, "ranking": "layer", "images": 120, "epochs": 0}
    cut = done("tfidf-pruning", model, **fields, compat=True).network
    gone = 0
    for layer in model.anatomy.layers:
        gone += int((cut.get_submodule(layer.name).weight.flatten(1).abs().sum(1) == 0).sum())
        for name in ("weight", "bias"):
            after, before = (getattr(part.get_submodule(str(layer.norm)), name) for part in (cut, model.network))
            assert torch.equal(after, before)
    assert gone > 20


def test_several_classes_are_one_document() -> None:
    means = some_means()
    merged = torch.cat([means[[1, 3]].mean(0, keepdim=True), means[[0, 2, 4]]])
    assert torch.allclose(tfidf(means, (1, 3)), tfidf(merged, (0,)))

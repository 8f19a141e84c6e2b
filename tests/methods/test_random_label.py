"""Random label: which labels are drawn, how often, and what stays."""

import pytest
import torch
from torch import Tensor

from orthoui.methods.random_label import RandomLabelRequest, relabelled, shown_images
from orthoui.methods.work import Watch, Work
from orthoui.models.trained import TrainedModel
from tests.methods.spying import DATA, done, labels_drawn
from tests.tiny import same_tensors, state_of, tiny_images, with_splits


def working(model: TrainedModel, *classes: int, seed: int = 0) -> Work:
    many = with_splits(DATA, train=tiny_images(1500, 4))
    return Work(model, many, RandomLabelRequest(classes=classes, seed=seed), Watch())


@pytest.mark.parametrize("classes", [(1,), (0, 3)])
def test_no_image_keeps_its_label_and_the_others_are_drawn_equally_often(
    model: TrainedModel, classes: tuple[int, ...]
) -> None:
    work = working(model, *classes)
    counts = torch.bincount(relabelled(work), minlength=4)
    others = [label for label in range(4) if label not in classes]
    expected = len(work.forget) / len(others)
    assert all(int(counts[label]) == 0 for label in classes)
    assert all(abs(int(counts[label]) - expected) < 4 * expected**0.5 for label in others)


def test_retained_labels_are_untouched_and_the_callers_too(model: TrainedModel) -> None:
    work = working(model, 1)
    before = work.data["train"].labels.clone()
    shown = shown_images(work, relabelled(work), "all")
    forgotten = before == 1
    assert torch.equal(shown.labels[~forgotten], before[~forgotten])
    assert not (shown.labels[forgotten] == 1).any()
    assert torch.equal(work.data["train"].labels, before)
    assert len(shown_images(work, relabelled(work), "none")) == 1500


def test_draws_follow_the_seed(model: TrainedModel) -> None:
    one, same, other = (relabelled(working(model, 1, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize(("drawn", "times"), [("once", 1), ("epoch", 3)])
def test_labels_are_drawn_once_or_for_every_epoch(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch, drawn: str, times: int
) -> None:
    draws: list[Tensor] = []

    def spy(work: Work) -> Tensor:
        draws.append(relabelled(work))
        return draws[-1]

    monkeypatch.setattr("orthoui.methods.random_label.relabelled", spy)
    done("random-label", model, epochs=3, drawn=drawn)
    assert len(draws) == times


@pytest.mark.parametrize(("fields", "read"), [({}, 240), ({"beside": "none"}, 60), ({"compat": True}, 240)])
def test_what_an_epoch_shows(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch, fields: dict[str, object], read: int
) -> None:
    labels = labels_drawn(monkeypatch)
    assert done("random-label", model, epochs=2, **fields).samples == read
    if fields.get("compat"):  # forgotten images first, as one batch; the spy sees their own labels
        assert [set(part.tolist()) for part in labels[:2]] == [{1}, {0, 2, 3}]
    else:
        assert not any((part == 1).any() for part in labels)


def test_no_epoch_is_the_identity(model: TrainedModel) -> None:
    assert same_tensors(done("random-label", model, epochs=0).network, state_of(model.network))

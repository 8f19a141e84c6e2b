"""Predictions: streamed, remembered, shared between threads."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from orthoui.data import Dataset
from orthoui.evaluation import predictions, runner
from orthoui.evaluation.predictions import PredictionMemo, Predictor, sampling_order
from orthoui.evaluation.runner import Logits
from orthoui.models.sharing import sharing_copy
from orthoui.models.trained import TrainedModel
from tests.evaluation.made import expected_logits, predictor

pytestmark = pytest.mark.usefixtures("float32")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "FIRST_CHUNK", 30)
    monkeypatch.setattr(predictions, "CHUNK", 50)
    monkeypatch.setattr(runner, "LARGEST_BATCH", 50)


# the order of computation


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.sets(st.integers(0, 4), min_size=1, max_size=3))
def test_the_order_visits_every_image_once_and_two_of_five_are_forgotten(labels: list[int], forget: set[int]) -> None:
    tensor = torch.tensor(labels)
    order = sampling_order(tensor, tuple(forget))
    assert sorted(order.tolist()) == list(range(len(labels)))
    is_forgotten = np.isin(np.array(labels)[order.numpy()], list(forget))
    there, others = int(is_forgotten.sum()), int((~is_forgotten).sum())
    for seen in range(len(labels) + 1):
        if 0.4 * seen + 1 <= there and 0.6 * seen + 1 <= others:  # while there are any of both
            assert abs(is_forgotten[:seen].sum() - 0.4 * seen) <= 1


def test_within_a_group_every_image_is_as_likely_to_come_early() -> None:
    labels = torch.arange(10).repeat_interleave(20)  # sorted by class, as the shipped splits are
    counts = np.zeros(200)
    for seed in range(300):
        counts[sampling_order(labels, (3,), seed)[:50].numpy()] += 1
    early = counts / 300
    retained = early[labels.numpy() != 3]
    assert early[labels.numpy() == 3].min() == 1  # 20 of the first 50 are forgotten ones: all there are
    assert np.abs(retained - 30 / 180).max() < 0.1
    per_class = [early[labels.numpy() == label].mean() for label in range(10) if label != 3]
    assert np.abs(np.array(per_class) - 30 / 180).max() < 0.03


def test_the_order_depends_on_the_seed_alone() -> None:
    labels = torch.arange(100) % 4
    assert torch.equal(sampling_order(labels, (1,)), sampling_order(labels, (1,)))
    assert not torch.equal(sampling_order(labels, (1,)), sampling_order(labels, (1,), seed=1))


# the stream


def test_a_stream_grows_and_ends_with_what_a_complete_run_gives(model: TrainedModel, data: Dataset) -> None:
    images = data["test"]
    order = sampling_order(images.labels, (1,))
    parts = list(predictor(model).stream(images, order))
    assert [len(part.logits) for part in parts] == [30, 80, 130, 160]
    assert [part.complete for part in parts] == [False, False, False, True]
    expected = expected_logits(model, data)
    for part in parts:
        np.testing.assert_allclose(part.logits, expected[part.positions], rtol=1e-3, atol=1e-3)
        assert part.logits.dtype == np.float32
    assert parts[1].positions.tolist() == order[:80].tolist()
    assert parts[-1].positions.tolist() == list(range(160))
    np.testing.assert_allclose(predictor(model).complete(images), parts[-1].logits, rtol=1e-3, atol=1e-3)


def test_what_was_yielded_does_not_change_afterwards(model: TrainedModel, data: Dataset) -> None:
    stream = predictor(model).stream(data["test"], sampling_order(data["test"].labels, (1,)))
    first = next(stream)
    before = first.logits.copy()
    list(stream)
    assert np.array_equal(first.logits, before)


def test_a_remembered_prediction_is_complete_at_once_and_builds_no_network(
    model: TrainedModel, data: Dataset
) -> None:
    memo = PredictionMemo(1)
    expected = predictor(model, memo=memo).complete(data["test"])

    def never() -> nn.Module:
        raise AssertionError

    again = list(Predictor(model, never, "some", memo).stream(data["test"], torch.arange(160)))
    assert len(again) == 1
    assert again[0].complete
    assert again[0].logits is expected
    assert not expected.flags.writeable


def test_an_interrupted_stream_leaves_nothing_in_the_memo(model: TrainedModel, data: Dataset) -> None:
    memo = PredictionMemo(1)
    made = predictor(model, memo=memo)
    stream = made.stream(data["test"], torch.arange(160))
    next(stream), next(stream)
    stream.close()
    assert memo.get((model.digest, "some", data["test"].digest)) is None
    assert len(list(made.stream(data["test"], torch.arange(160)))) == 4


def test_a_variant_images_and_weights_are_told_apart(
    model: TrainedModel, reference: TrainedModel, data: Dataset
) -> None:
    memo = PredictionMemo(1)
    first = predictor(model, memo=memo).complete(data["test"])
    assert predictor(model, memo=memo).complete(data["calibration"]).shape == (80, 4)
    assert not np.array_equal(predictor(reference, memo=memo).complete(data["test"]), first)
    other = Predictor(model, lambda: reference.network, "other", memo).complete(data["test"])
    assert not np.array_equal(other, first)


def test_a_record_is_taken_instead_of_computing_and_remembered(model: TrainedModel, data: Dataset) -> None:
    memo, record = PredictionMemo(1), np.ones((160, 4), dtype=np.float32)
    asked = []

    def recorded(images: object) -> Logits:
        asked.append(images)
        return record

    made = replace(predictor(model, memo=memo), recorded=recorded)
    assert made.complete(data["test"]) is record
    assert made.complete(data["test"]) is record
    assert asked == [data["test"]]


# the memo


def entry(number: int, kilobytes: int) -> tuple[tuple[str, ...], Logits]:
    return (str(number),), np.full((250 * kilobytes, 1), number, dtype=np.float32)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 1200)), max_size=40))
def test_the_memo_never_holds_more_than_its_limit(puts: Sequence[tuple[int, int]]) -> None:
    memo = PredictionMemo(1)
    for number, kilobytes in puts:
        memo.put(*entry(number, kilobytes))
        kept = [logits for logits in (memo.get((str(key),)) for key in range(10)) if logits is not None]
        assert sum(logits.nbytes for logits in kept) <= 1_000_000
        assert memo._size == sum(logits.nbytes for logits in memo._entries.values())


def test_the_memo_forgets_what_was_used_longest_ago() -> None:
    memo = PredictionMemo(1)
    for number in (1, 2, 3):
        memo.put(*entry(number, 300))
    assert memo.get(("1",)) is not None
    memo.put(*entry(4, 300))
    assert [memo.get((str(number),)) is not None for number in (1, 2, 3, 4)] == [True, False, True, True]


def test_what_is_larger_than_the_memo_is_not_kept_and_pushes_nothing_out() -> None:
    memo = PredictionMemo(1)
    memo.put(*entry(1, 300))
    memo.put(*entry(2, 1001))
    assert memo.get(("2",)) is None
    assert memo.get(("1",)) is not None


def test_many_threads_can_use_one_memo() -> None:
    memo, wrong, barrier = PredictionMemo(1), list[int](), threading.Barrier(6)

    def work(seed: int) -> None:
        generator = np.random.default_rng(seed)
        barrier.wait()
        for _ in range(300):
            number = int(generator.integers(0, 12))
            found = memo.get((str(number),))
            if found is None:
                memo.put(*entry(number, 150))
            elif not (found == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert memo._size == sum(logits.nbytes for logits in memo._entries.values()) <= 1_000_000


def test_sessions_that_ask_for_the_same_share_one_computation(model: TrainedModel, data: Dataset) -> None:
    seen: list[int] = []

    def forward(self: nn.Module, images: Tensor) -> Tensor:
        seen.append(len(images))
        logits: Tensor = type(model.network).forward(self, images)
        return logits

    counted = sharing_copy(model.network)
    counted.__class__ = type("Counted", (type(model.network),), {"forward": forward})
    memo, order = PredictionMemo(1), torch.arange(160)
    streams = [predictor(model, counted, memo).stream(data["test"], order) for _ in range(4)]
    results = [list(parts) for parts in zip(*streams, strict=True)]
    assert sum(seen) == 160
    for together in results:
        assert len({len(part.logits) for part in together}) == 1
    np.testing.assert_allclose(results[-1][3].logits, expected_logits(model, data), rtol=1e-3, atol=1e-3)

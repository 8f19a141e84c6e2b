"""Whatever becomes of a forgetting, the resident model and the memo stay as they were."""

from collections.abc import Callable

import numpy as np
import pytest

from orthoui.data import Dataset
from orthoui.evaluation import predictions
from orthoui.evaluation.pipeline import forget
from orthoui.evaluation.variants import original
from orthoui.models.trained import TrainedModel
from tests.evaluation.pruning import REQUEST
from tests.tiny import hook_count, same_tensors, state_of

pytestmark = pytest.mark.usefixtures("float32", "small_chunks")


def test_resident_weights_are_bit_identical_afterwards(
    model: TrainedModel, reference: TrainedModel, data: Dataset
) -> None:
    states = [state_of(part.network) for part in (model, reference)]
    for target in ("conv", "bn", "conv_sync"):
        request = REQUEST.model_copy(update={"target": target})
        assert list(forget(model, data, request, reference, membership=False))[-1].complete
    for part, state in zip((model, reference), states, strict=True):
        assert same_tensors(part.network, state)
        assert hook_count(part.network) == 0
        assert not part.network.training


def fail_after(calls: int, action: Callable[..., object]) -> Callable[..., object]:
    made = 0

    def wrapped(*given: object) -> object:
        nonlocal made
        made += 1
        if made > calls:
            raise RuntimeError("in mid-stream")
        return action(*given)

    return wrapped


@pytest.mark.parametrize("calls", [0, 1, 4])
def test_an_exception_in_mid_stream_leaves_weights_and_memo_as_they_were(
    model: TrainedModel, data: Dataset, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    state = state_of(model.network)
    with monkeypatch.context() as patch:
        patch.setattr(predictions.Runner, "logits", fail_after(calls, predictions.Runner.logits))
        with pytest.raises(RuntimeError, match="in mid-stream"):
            list(forget(model, data, REQUEST))
    assert same_tensors(model.network, state)
    assert hook_count(model.network) == 0
    expected = original(model).complete(data["test"])
    predictions.memo.cache_clear()
    assert np.array_equal(original(model).complete(data["test"]), expected)


def test_stopping_early_leaves_weights_as_they_were(model: TrainedModel, data: Dataset) -> None:
    state = state_of(model.network)
    stream = forget(model, data, REQUEST)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert same_tensors(model.network, state)

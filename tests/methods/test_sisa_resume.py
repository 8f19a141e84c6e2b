"""SISA's unlearning that was interrupted: what is kept, and how it goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orthoui.methods.sisa import INTERRUPTED
from orthoui.methods.work import Watch
from tests.methods.test_sisa import Prepared, forgotten
from tests.tiny import same_tensors, state_of


def stopped_at(share: float) -> Callable[[int, int, float | None], None]:
    def stop(step: int, steps: int, loss: float | None) -> None:
        if step > share * steps:
            raise KeyboardInterrupt

    return stop


def test_an_interrupted_unlearning_goes_on_to_the_same_network(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = prepared("sisa")
    whole = forgotten(model)
    monkeypatch.setattr("orthoui.training.loop.TOLD_EVERY", 0)
    for share in (0.3, 0.8):  # in the middle of a stage of the first shard, and of the second
        with pytest.raises(KeyboardInterrupt):
            forgotten(model, watch=Watch(stopped_at(share), folder=tmp_path))
    (folder,) = tmp_path.glob("sisa-*")
    largest = max(path.stat().st_size for path in folder.iterdir())
    first, second = (folder / f"shard01-slice0{number}.safetensors" for number in (1, 2))
    assert first.stat().st_size < 0.2 * second.stat().st_size <= 0.2 * largest  # what it cost, no weights
    seen: list[float] = []
    again = forgotten(model, watch=Watch(lambda step, steps, loss: seen.append(step / steps), folder=tmp_path))
    assert min(seen) > 0.7 and max(seen) == 1
    assert same_tensors(again.network, state_of(whole.network))
    assert (again.samples, again.backward, again.notes) == (whole.samples, whole.backward, whole.notes)
    assert not folder.exists()


def test_what_cannot_be_read_is_trained_again(
    prepared: Prepared, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = prepared("sisa")
    whole = forgotten(model)
    monkeypatch.setattr("orthoui.training.loop.TOLD_EVERY", 0)
    with pytest.raises(KeyboardInterrupt):
        forgotten(model, watch=Watch(stopped_at(0.8), folder=tmp_path))
    (kept,) = tmp_path.glob("sisa-*")
    for name in (INTERRUPTED, "shard01-slice02.safetensors"):
        (kept / name).write_bytes(b"nonsense")
    again = forgotten(model, watch=Watch(folder=tmp_path))
    assert same_tensors(again.network, state_of(whole.network))
    assert caplog.text.count("cannot be read: what it held is trained again") == 2

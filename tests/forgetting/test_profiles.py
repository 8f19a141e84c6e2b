"""The profile cache: a hit changes nothing, a damaged file is never trusted, a full disk stops nobody."""

import errno
import logging
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

from orthoui.data import Dataset
from orthoui.forgetting import profiles
from orthoui.forgetting.activations import spatial_maximum
from orthoui.forgetting.profiles import MeasuredProfile, load_or_measure
from orthoui.forgetting.request import ForgetRequest
from orthoui.models.trained import TrainedModel
from tests.tiny import tiny_dataset, tiny_model

REQUEST = ForgetRequest(classes=(1,), images_per_class=2)


def identical(one: MeasuredProfile, other: MeasuredProfile) -> bool:
    means, others = one.profile.means, other.profile.means
    return means.keys() == others.keys() and all(np.array_equal(means[name], others[name]) for name in means)


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_a_cached_profile_is_identical_and_is_not_measured_again(
    model: TrainedModel, data: Dataset, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_or_measure(model, data, REQUEST)
    monkeypatch.setattr(profiles, "measure", None)  # calling it would fail
    again = load_or_measure(model, data, REQUEST)
    assert (first.cached, again.cached) == (False, True)
    assert identical(first, again)
    assert first.notices == again.notices == ()
    assert only_file(home / "cache" / "profiles").suffix == ".safetensors"


def test_other_images_weights_and_settings_have_profiles_of_their_own(
    model: TrainedModel, data: Dataset, tmp_path: Path
) -> None:
    load_or_measure(model, data, REQUEST, tmp_path)
    for change in ({"images_per_class": 3}, {"read_at": "conv"}, {"seed": 4}):
        changed = REQUEST.model_copy(update=change)
        assert not load_or_measure(model, data, changed, tmp_path).cached
    assert not load_or_measure(tiny_model(seed=9), data, REQUEST, tmp_path).cached
    assert len(list(tmp_path.iterdir())) == 5
    for change in ({"ratio": 0.3}, {"classes": (0, 2)}, {"score": "margin"}, {"target": "bn"}):
        assert load_or_measure(model, data, REQUEST.model_copy(update=change), tmp_path).cached


def test_more_images_than_there_are_means_all_of_them_once(
    model: TrainedModel, data: Dataset, tmp_path: Path
) -> None:
    everything = [ForgetRequest(classes=(1,), images_per_class=n, seed=n) for n in (30, 31, 1_000_000)]
    measured = [load_or_measure(model, data, request, tmp_path) for request in everything]
    assert [profile.cached for profile in measured] == [False, True, True]
    assert len(list(tmp_path.iterdir())) == 1


def damage_truncated(path: Path, model: TrainedModel) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def damage_empty(path: Path, model: TrainedModel) -> None:
    path.write_bytes(b"")


def damage_flipped(path: Path, model: TrainedModel) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))


def damage_foreign(path: Path, model: TrainedModel) -> None:
    means = {"other.conv": np.zeros((4, 7), dtype=np.float32)}
    save_file(means, path, metadata={"sha256": profiles._checksum(means)})


def damage_number_of_classes(path: Path, model: TrainedModel) -> None:
    means = {layer.name: np.zeros((3, layer.channels), dtype=np.float32) for layer in model.anatomy.layers}
    save_file(means, path, metadata={"sha256": profiles._checksum(means)})


def damage_no_checksum(path: Path, model: TrainedModel) -> None:
    save_file({layer.name: np.zeros((4, layer.channels), np.float32) for layer in model.anatomy.layers}, path)


def damage_strange_numbers(path: Path, model: TrainedModel) -> None:
    save_tensors({"conv1": torch.zeros(4, 4, dtype=torch.bfloat16)}, path)


def damage_folder(path: Path, model: TrainedModel) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [value for name, value in globals().items() if name.startswith("damage_")])
def test_a_damaged_cache_file_is_measured_again_with_a_warning(
    model: TrainedModel, data: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: object
) -> None:
    first = load_or_measure(model, data, REQUEST, tmp_path)
    assert callable(damage)
    damage(only_file(tmp_path), model)
    with caplog.at_level(logging.WARNING):
        again = load_or_measure(model, data, REQUEST, tmp_path)
    assert not again.cached
    assert identical(first, again)
    assert "profile" in again.notices[0]
    assert again.notices[0] in caplog.text
    if damage is not damage_folder:
        assert "was damaged" in again.notices[0] and "has been measured again" in again.notices[0]
        repaired = load_or_measure(model, data, REQUEST, tmp_path)
        assert repaired.cached and repaired.notices == () and identical(first, repaired)


@given(st.data())
@examples(max_examples=40)
def test_no_flipped_bit_of_a_cache_file_is_ever_trusted(
    model: TrainedModel, data: Dataset, tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    first = load_or_measure(model, data, REQUEST, folder)
    path = only_file(folder)
    content = bytearray(path.read_bytes())
    content[draw.draw(st.integers(0, len(content) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    path.write_bytes(bytes(content))
    assert identical(first, load_or_measure(model, data, REQUEST, folder))


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_costs_the_cache_and_nothing_else(
    model: TrainedModel, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = load_or_measure(model, data, REQUEST, tmp_path / "other")
    monkeypatch.setattr(tempfile, "mkstemp", full_disk)
    found = load_or_measure(model, data, REQUEST, tmp_path / "full")
    assert identical(found, expected)
    assert found.notices == (
        "The activation profile could not be cached (No space left on device). The result is right; the profile "
        "is measured again next time. Free some space, or set ORTHOUI_HOME to another folder.",
    )
    assert not list((tmp_path / "full").iterdir())


def test_a_cache_folder_that_cannot_be_read_costs_the_cache_and_nothing_else(
    model: TrainedModel, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    expected = load_or_measure(model, data, REQUEST, tmp_path / "other")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", denied)
        found = load_or_measure(model, data, REQUEST, tmp_path / "denied")
    assert identical(found, expected)
    assert "cannot be read" in found.notices[0]


def test_a_home_folder_that_is_a_file_costs_the_cache_and_nothing_else(
    model: TrainedModel, data: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    found = load_or_measure(model, data, REQUEST, tmp_path / "file" / "profiles")
    assert "could not be cached" in found.notices[0]
    assert (tmp_path / "file").read_text() == "in the way"


def test_equal_data_made_twice_shares_its_profiles(model: TrainedModel, data: Dataset, tmp_path: Path) -> None:
    load_or_measure(model, data, REQUEST, tmp_path)
    assert load_or_measure(model, tiny_dataset(), REQUEST, tmp_path).cached


def test_the_cache_keeps_only_the_newest_profiles(
    model: TrainedModel, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "MOST_CACHED", 2)
    for seed in range(4):
        load_or_measure(model, data, REQUEST.model_copy(update={"seed": seed}), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert load_or_measure(model, data, REQUEST.model_copy(update={"seed": 3}), tmp_path).cached
    assert not load_or_measure(model, data, REQUEST.model_copy(update={"seed": 0}), tmp_path).cached


def test_a_full_device_measures_in_smaller_batches_and_says_so(
    model: TrainedModel, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = load_or_measure(model, data, REQUEST, tmp_path / "roomy")
    measure_all = profiles.activation_profile

    def cramped(network: object, anatomy: object, batches: object, *rest: object) -> object:
        batches = list(batches)
        if len(batches[0][0]) > 4:
            raise torch.OutOfMemoryError("made up")
        return measure_all(network, anatomy, iter(batches), *rest)

    monkeypatch.setattr(profiles, "activation_profile", cramped)
    found = load_or_measure(model, data, REQUEST, tmp_path / "cramped")
    assert found.notices[-1] == "The device ran out of memory; images are now computed 4 at a time."
    for layer, means in expected.profile.means.items():
        np.testing.assert_allclose(found.profile.means[layer], means, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(
    "shape", [(3, 16, 8, 8), (2, 5, 7, 7), (1, 24, 4, 6), (2, 12, 8, 8), (2, 40, 3, 3), (2, 16, 1, 1), (2, 1, 8, 8)]
)
def test_the_spatial_maximum_is_the_maximum_in_every_layout(
    shape: tuple[int, ...], memory_format: torch.memory_format
) -> None:
    maps = torch.randn(shape, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=memory_format)
    assert torch.equal(spatial_maximum(maps), maps.flatten(2).max(2).values)
    maps[0, 0, -1, -1] = torch.nan
    assert spatial_maximum(maps)[0, 0].isnan()

"""SISA: its card's checks and pitfalls."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from orthoui.errors import CancelledError, RequestError
from orthoui.methods import METHODS, Unlearned, unlearn
from orthoui.methods.work import Watch
from orthoui.models.checkpoints import load_checkpoint
from orthoui.models.trained import TrainedModel, resident
from orthoui.training.loop import Training
from orthoui.training.optimiser import one_cycle
from orthoui.training.parallel import make_fabric
from orthoui.training.reports import Step
from orthoui.training.schemes import train as training
from orthoui.training.schemes.options import SisaScheme
from orthoui.training.schemes.sisa import (
    Count,
    Setting,
    StageFiles,
    StageTraining,
    member_of,
    partition,
    train_shard,
)
from orthoui.training.schemes.train import make_setting
from orthoui.training.state import load_state
from orthoui.training.watching import StateFile
from tests.methods.conftest import RECIPE, SCHEMES
from tests.methods.spying import DATA
from tests.tiny import MEAN, STD, same_tensors, state_of, tiny_images, with_splits

Prepared = Callable[[str], TrainedModel]
LABELS = DATA["train"].labels


def forgotten(model: TrainedModel, watch: Watch | None = None, **fields: object) -> Unlearned:
    method = METHODS["sisa"]
    return unlearn(method, model, DATA, method.request.model_validate({"classes": (1,), **fields}), watch)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def setting(scheme: SisaScheme, **fields: object) -> Setting:
    return make_setting(scheme, RECIPE.model_copy(update=fields), DATA, (MEAN, STD))


@pytest.fixture
def train(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TrainedModel]:
    """Return a function that trains with a scheme."""
    monkeypatch.setattr(training, "load_dataset", lambda name: DATA)

    def trained(scheme: SisaScheme, watcher: StateFile | None = None, name: str = "own") -> TrainedModel:
        path = home / "models" / f"{name}.safetensors"
        training.train_with_scheme(scheme, RECIPE, path, watcher)
        network, card = load_checkpoint(path)
        return resident(name, card, network, torch.device("cpu"))

    return trained


@given(count=st.integers(1, 300), shards=st.integers(1, 7), slices=st.integers(1, 7), by_class=st.booleans())
def test_shards_and_slices_are_disjoint_complete_and_even(
    count: int, shards: int, slices: int, by_class: bool
) -> None:
    scheme = SisaScheme(shards=shards, slices=slices, packing="class" if by_class else "random")
    shard, part = partition(torch.arange(count) % 4, scheme, 3)
    assert int(shard.min()) >= 0 and int(shard.max()) < shards and int(part.min()) >= 0 and int(part.max()) < slices
    sizes = torch.bincount(shard * slices + part, minlength=shards * slices)
    assert int(sizes.sum()) == count and int(sizes.max() - sizes.min()) <= 1
    again, _ = partition(torch.arange(count) % 4, scheme, 3)
    assert torch.equal(shard, again)


def test_packing_by_class_keeps_a_class_in_few_pieces() -> None:
    random, packed = (
        partition(LABELS, SisaScheme(shards=2, slices=4, packing=how), 0) for how in ("random", "class")
    )
    assert len((packed[0] * 4 + packed[1])[LABELS == 1].unique()) == 2
    assert len((random[0] * 4 + random[1])[LABELS == 1].unique()) == 8


def test_epochs_per_slice_cost_as_much_as_a_usual_training() -> None:
    assert SisaScheme(slices=1).epochs_per_slice(18) == 18
    assert SisaScheme(slices=4).epochs_per_slice(10) == 4
    assert SisaScheme(slices=64).epochs_per_slice(1) == 1
    assert SisaScheme(slices=4, slice_epochs=7).epochs_per_slice(10) == 7


def test_the_preparation_stays_and_shards_without_the_class_stay_bit_for_bit(home: Path, prepared: Prepared) -> None:
    model = prepared("packed")
    folder = home / "models" / "packed.sisa"
    before = contents(folder)
    result = forgotten(model)
    assert contents(folder) == before
    shard, _ = partition(LABELS, SCHEMES["packed"], RECIPE.seed)  # type: ignore[arg-type]
    (hit,) = shard[LABELS == 1].unique().tolist()
    assert same_tensors(result.network.members[1 - hit], state_of(model.network.members[1 - hit]))
    assert not same_tensors(result.network.members[hit], state_of(model.network.members[hit]))


def test_only_stages_from_the_first_that_held_the_class_are_trained_again(prepared: Prepared) -> None:
    _, part = partition(LABELS, SCHEMES["packed"], RECIPE.seed)  # type: ignore[arg-type]
    stages = 4 - int(part[LABELS == 1].min())
    assert f"{stages} of 8 stages were trained again." in forgotten(prepared("packed")).notes


@pytest.mark.parametrize("name", ["sisa", "packed"])
def test_the_result_is_bit_equal_to_training_without_the_class_from_the_beginning(
    prepared: Prepared, name: str, tmp_path: Path
) -> None:
    scheme = SCHEMES[name]
    assert isinstance(scheme, SisaScheme)
    model = prepared(name)
    card = model.card
    whole = make_setting(scheme, RECIPE, DATA, (card.mean, card.std))
    result = forgotten(model)
    for shard, member in enumerate(result.network.members):
        scratch = train_shard(whole, shard, LABELS == 1, StateFile(), Count(1), StageFiles(tmp_path))
        assert scratch is not None
        assert same_tensors(member, state_of(member_of(whole, scratch)))


def test_one_shard_with_one_slice_is_retraining(tmp_path: Path) -> None:
    one = setting(SisaScheme(shards=1, slices=1))
    last = train_shard(one, 0, LABELS == 1, StateFile(), Count(1), StageFiles(tmp_path))
    recipe = RECIPE.model_copy(update={"forgets": (1,)})
    expected = Training(DATA, recipe, (MEAN, STD), make_fabric(torch.device("cpu"))).run(StateFile())
    assert last is not None and same_tensors(member_of(one, last), state_of(expected))


def test_no_image_of_the_class_is_shown(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Tensor] = []
    measure = nn.functional.cross_entropy

    def spy(logits: Tensor, labels: Tensor, **options: float) -> Tensor:
        shown.append(labels)
        return measure(logits, labels, **options)

    monkeypatch.setattr(nn.functional, "cross_entropy", spy)
    result = forgotten(prepared("sisa"))
    assert torch.cat(shown).unique().tolist() == [0, 2, 3]
    assert result.backward == result.samples > 0


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_optimiser_and_schedule_belong_to_the_checkpoint_and_the_rate_goes_on(prepared: Prepared, home: Path) -> None:
    prepared("sisa")
    state = load_state(home / "models" / "sisa.sisa" / "shard01-slice01.safetensors")
    assert state is not None
    assert any(name.endswith("momentum_buffer") for name in state.tensors)
    assert state.numbers.schedule["last_epoch"] == 1
    scheme = SisaScheme(shards=1, slices=2, slice_epochs=2)
    rates = []
    for stage in range(2):
        made = StageTraining(setting(scheme), 0, stage, DATA["train"])
        for _ in range(2 * made.steps_per_epoch):
            rates.append(made._optimiser.param_groups[0]["lr"])
            made._schedule.step()
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1, momentum=0.9)
    whole = one_cycle(optimiser, RECIPE.model_copy(update={"epochs": 4}), 6)
    expected = []
    for _ in range(24):
        expected.append(optimiser.param_groups[0]["lr"])
        whole.step()
    assert rates == pytest.approx(expected)


def test_seeds_of_stages_differ_and_the_first_is_the_recipes() -> None:
    many = setting(SisaScheme(shards=64, slices=64), seed=2**31 - 1)
    seeds = {many.seed(shard, stage) for shard in range(64) for stage in range(64)}
    assert len(seeds) == 64 * 64 and many.seed(0, 0) == 2**31 - 1 and max(seeds) < 2**31


def test_an_interrupted_training_goes_on_to_the_same_files(
    train: Callable[..., TrainedModel], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme = SisaScheme(shards=2, slices=2, slice_epochs=2)
    whole = train(scheme, name="whole")
    monkeypatch.setattr("orthoui.training.loop.TOLD_EVERY", 0)
    for at in (2600, 6500):

        def stop(step: Step, at: int = at) -> None:
            if step.step > at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(scheme, StateFile(tmp_path / "state", on_step=stop, every=0))
    seen: list[tuple[int, int]] = []
    again = train(
        scheme, StateFile(tmp_path / "state", on_epoch=lambda epoch: seen.append((epoch.epoch, epoch.epochs)))
    )
    assert seen[-1] == (8, 8) and len(seen) < 3
    assert same_tensors(again.network, state_of(whole.network))


def test_the_answer_is_the_mean_of_the_posteriors_of_any_weights(prepared: Prepared) -> None:
    model = prepared("sisa")
    images = model.prepare(DATA["test"].images)
    posteriors = [member(images).softmax(1) for member in model.network.members]
    assert torch.allclose(model.network(images).exp(), sum(posteriors) / 2, atol=1e-6)
    assert model.card.title == "mean of 2 × ResNet-18, width 4, plain"
    result = forgotten(model, weighting="size")
    shard, _ = partition(LABELS, SCHEMES["sisa"], RECIPE.seed)  # type: ignore[arg-type]
    sizes = torch.bincount(shard[LABELS != 1]).float()
    assert torch.allclose(result.network.shares, sizes / sizes.sum())


def test_a_shard_of_nothing_but_the_class_is_left_out(train: Callable[..., TrainedModel]) -> None:
    result = forgotten(train(SisaScheme(shards=4, slices=1, slice_epochs=1, packing="class")))
    assert len(result.network.members) == 3
    assert result.network.shares.tolist() == pytest.approx([1 / 3] * 3)
    assert "Shards without any retained image, left out of the mean: 1." in result.notes


def test_it_can_be_cancelled(prepared: Prepared) -> None:
    with pytest.raises(CancelledError, match="The model is unchanged"):
        forgotten(prepared("sisa"), watch=Watch(cancelled=lambda: True))


def test_progress_is_counted_over_all_stages_that_are_trained(prepared: Prepared) -> None:
    seen: list[tuple[int, int]] = []
    forgotten(prepared("sisa"), watch=Watch(progress=lambda step, steps, loss: seen.append((step, steps))))
    assert seen[-1][0] == seen[-1][1] and seen == sorted(seen)


def test_the_accuracy_after_every_epoch_is_no_work_time(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    model, clock, measure, late = prepared("sisa"), time.perf_counter, Training._calibration_accuracy, [0.0]

    def slowly(training: Training) -> float:
        late[0] += 1000
        return measure(training)

    monkeypatch.setattr(time, "perf_counter", lambda: clock() + late[0])
    monkeypatch.setattr(Training, "_calibration_accuracy", slowly)
    assert 0 < forgotten(model).seconds["optimisation"] < 1000 <= late[0]


def test_other_images_are_refused(prepared: Prepared) -> None:
    method = METHODS["sisa"]
    other = with_splits(DATA, train=tiny_images(30, 9))
    with pytest.raises(RequestError, match="trained in shards of other images"):
        unlearn(method, prepared("sisa"), other, method.request(classes=(1,)))


def test_a_stage_that_is_missing_is_refused_and_never_an_untrained_network(prepared: Prepared, home: Path) -> None:
    model, folder = prepared("packed"), home / "models" / "packed.sisa"
    shard, part = partition(LABELS, SCHEMES["packed"], RECIPE.seed)  # type: ignore[arg-type]
    (hit,) = shard[LABELS == 1].unique().tolist()
    first = int(part[LABELS == 1].min())
    start, untouched = StageFiles(folder).path(hit, first - 1), StageFiles(folder).path(1 - hit, 3)
    for path in (start, untouched) if first else (untouched,):
        kept = path.read_bytes()
        path.unlink()
        with pytest.raises(RequestError, match=f"{path.name} is missing.*train the model anew: `orthoui train"):
            forgotten(model)
        path.write_bytes(kept)
    forgotten(model)


def test_more_than_the_disk_may_hold_is_refused_before_training(
    train: Callable[..., TrainedModel], home: Path
) -> None:
    with pytest.raises(RequestError, match=r"would store 0\.01 GB beside the model, and 0\.001 GB are allowed"):
        train(SisaScheme(shards=10, slices=4, disk_gb=0.001))
    assert not (home / "models").exists()


def test_what_is_stored_is_what_was_promised(prepared: Prepared, home: Path) -> None:
    model = prepared("sisa")
    weights = sum(part.numel() for part in model.network.members[0].state_dict().values())
    stored = sum(path.stat().st_size for path in (home / "models" / "sisa.sisa").glob("shard*"))
    assert math.isclose(stored, SisaScheme(shards=2, slices=2).disk_bytes(weights, 4), rel_tol=0.25)


def test_several_processes_are_refused(train: Callable[..., TrainedModel], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RequestError, match="runs in one process"):
        train(SisaScheme())

"""The zoo: what is in the folders, what is wrong with it, and which model is whose reference."""

import dataclasses
import os
import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from orthoui.errors import CheckpointError, DatasetError, OrthoError, RequestError, UnknownNameError
from orthoui.models import zoo as module
from orthoui.models.card import ModelCard
from orthoui.models.checkpoints import save_checkpoint
from orthoui.models.kinship import difference, is_reference
from orthoui.models.trained import TrainedModel
from orthoui.models.zoo import Zoo, default_model
from tests.tiny import random_network, same_tensors, state_of, tiny_card

CPU = torch.device("cpu")


def put(folder: Path, name: str, seed: int = 0, **card: object) -> Path:
    path = folder / f"{name}.safetensors"
    save_checkpoint(path, random_network(seed=seed), tiny_card(**card))
    return path


def test_models_are_found_in_both_folders_and_the_users_own_win(tmp_path: Path) -> None:
    put(tmp_path / "shipped", "a")
    put(tmp_path / "shipped", "b")
    put(tmp_path / "own", "b", seed=3)
    zoo = Zoo([tmp_path / "shipped", tmp_path / "own", tmp_path / "missing"], CPU)
    assert [entry.name for entry in zoo.entries()] == ["a", "b"]
    assert zoo.entries()[1].path.parent.name == "own"
    assert same_tensors(zoo.get("b").network, state_of(random_network(seed=3)))


def test_a_model_is_loaded_once_shared_and_ready_for_predictions(tmp_path: Path) -> None:
    put(tmp_path, "a")
    zoo = Zoo([tmp_path], CPU)
    model = zoo.get("a")
    assert zoo.get("a") is model
    assert (model.name, model.card, model.device, model.foldable) == ("a", tiny_card(), CPU, True)
    assert not model.network.training
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
    assert len(model.anatomy.layers) == 20


def test_threads_that_ask_at_once_get_the_same_model(tmp_path: Path) -> None:
    put(tmp_path, "a")
    zoo, barrier = Zoo([tmp_path], CPU), threading.Barrier(4)
    found: list[TrainedModel] = []

    def ask() -> None:
        barrier.wait()
        found.append(zoo.get("a"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(map(id, found))) == 1


def test_an_overwritten_checkpoint_is_loaded_anew(tmp_path: Path) -> None:
    path = put(tmp_path, "a")
    zoo = Zoo([tmp_path], CPU)
    old = zoo.get("a")
    put(tmp_path, "a", seed=1)
    os.utime(path, ns=(1, 1))
    assert zoo.get("a").digest != old.digest


def test_damaged_entries_are_listed_with_their_problem_and_not_offered(tmp_path: Path) -> None:
    put(tmp_path, "good")
    cut = put(tmp_path, "cut")
    cut.write_bytes(cut.read_bytes()[:-100])
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    (tmp_path / "notes.txt").write_text("no model")
    zoo = Zoo([tmp_path], CPU)
    entries = {entry.name: entry for entry in zoo.entries()}
    assert set(entries) == {"good", "cut", "junk"}
    assert entries["good"].problem is None
    for name in ("cut", "junk"):
        problem = entries[name].problem
        assert entries[name].card is None
        assert problem is not None and "is damaged or not a safetensors file" in problem
        with pytest.raises(CheckpointError) as raised:
            zoo.get(name)
        assert str(raised.value) == problem
    assert [entry.name for entry in zoo.trained()] == ["good"]


def test_an_unknown_name_names_the_models_there_are(tmp_path: Path) -> None:
    put(tmp_path, "one")
    put(tmp_path, "two")
    put(tmp_path, "two-without-1", forgets=(1,))
    with pytest.raises(UnknownNameError) as raised:
        Zoo([tmp_path], CPU).get("three")
    assert str(raised.value) == "There is no model “three”. Choose one of: one, two."
    with pytest.raises(UnknownNameError, match="none is available"):
        Zoo([tmp_path / "empty"], CPU).get("three")


def test_only_so_much_memory_is_used_and_never_less_than_one_model(tmp_path: Path) -> None:
    for name in "abc":
        put(tmp_path, name)
    zoo = Zoo([tmp_path], CPU, most_bytes=round(2.5 * Zoo([tmp_path], CPU).get("a").nbytes))
    first, second = zoo.get("a"), zoo.get("b")
    assert zoo.get("a") is first  # and now b is the one used longest ago
    zoo.get("c")
    assert zoo.get("a") is first
    assert zoo.get("b") is not second
    assert same_tensors(second.network, state_of(random_network()))  # whoever held it still has all of it
    small = Zoo([tmp_path], CPU, most_bytes=1)
    assert small.get("a") is small.get("a")


def test_a_reference_is_found_by_its_card_and_not_by_its_name(tmp_path: Path) -> None:
    put(tmp_path, "original")
    put(tmp_path, "whatever", forgets=(1,))
    put(tmp_path, "pair", forgets=(3, 0))
    zoo = Zoo([tmp_path], CPU)
    original = zoo.get("original")
    found = zoo.reference(original, (1,))
    assert found is not None and found.name == "whatever"
    pair = zoo.reference(original, (0, 3))
    assert pair is not None and pair.name == "pair"
    assert zoo.reference(original, (0,)) is None
    assert zoo.reference(original, (0, 1)) is None
    assert zoo.reference(original, ()) is None


def test_a_reference_of_the_same_recipe_is_preferred(tmp_path: Path) -> None:
    recipe = {"epochs": 12, "batch_size": 512, "muon": 0.05, "seed": 0, "forgets": ()}
    put(tmp_path, "net", recipe=recipe)
    put(tmp_path, "a-other", forgets=(1,), recipe={**recipe, "epochs": 18, "muon": 0.0})
    put(tmp_path, "b-same", forgets=(1,), seed=9, recipe={**recipe, "seed": 9, "forgets": (1,)})
    zoo = Zoo([tmp_path], CPU)
    found = zoo.reference(zoo.get("net"), (1,))
    assert found is not None and found.name == "b-same"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"epochs": 12, "seed": 0, "forgets": []}, {"epochs": 12, "seed": 1, "forgets": [3]}, True),
        ({"epochs": 12}, {"epochs": 18}, False),
        ({"epochs": 12, "batch_size": 128}, {"epochs": 12, "batch_size": 128, "muon": 0.0}, True),
        ({}, {"epochs": 18}, True),
        ({"epochs": 12}, {"epochs": 12, "gradient_restriction": 0.0}, True),
        ({"epochs": 12}, {"epochs": 12, "gradient_restriction": 0.005}, False),  # older cards: it was not there yet
        ({}, {"gradient_restriction": 0.005}, True),
    ],
)
def test_recipes_are_compared_by_what_both_cards_tell(
    one: dict[str, object], other: dict[str, object], same: bool
) -> None:
    assert (difference(tiny_card(recipe=other), tiny_card(recipe=one)) == "") is same
    assert "λ 0.5 in place of 0.001" in difference(tiny_card(recipe=other, orthogonality=0.5), tiny_card(recipe=one))


def test_nobody_knows_how_an_imported_model_was_trained() -> None:
    imported = tiny_card(origin="imported", recipe={"imported_from": "net.pt", "sha256": "0"})
    assert difference(tiny_card(forgets=(1,), recipe={"epochs": 1}), imported)


@pytest.mark.parametrize(
    "differing",
    [
        {"dataset": "other"},
        {"images_digest": "other"},
        {"architecture": "resnet50"},
        {"width": 8},
        {"forgets": (2,)},
        {"forgets": ()},
    ],
)
def test_a_card_of_other_data_or_another_network_is_no_reference(differing: dict[str, object]) -> None:
    assert is_reference(tiny_card(forgets=(1,)), tiny_card(), (1,))
    assert not is_reference(tiny_card(**{"forgets": (1,), **differing}), tiny_card(), (1,))


def test_a_reference_of_the_same_penalty_is_preferred_and_then_one_of_the_same_seed(tmp_path: Path) -> None:
    put(tmp_path, "original")
    put(tmp_path, "a-plain", forgets=(1,), orthogonality=0.0)
    zoo = Zoo([tmp_path], CPU)

    def found() -> str | None:
        reference = zoo.reference(zoo.get("original"), (1,))
        return None if reference is None else reference.name

    assert found() == "a-plain"
    put_seeded(tmp_path, "b-seed", 9)
    assert found() == "b-seed"
    put_seeded(tmp_path, "c-same", 0)
    assert found() == "c-same"


def put_seeded(folder: Path, name: str, seed: int) -> None:
    save_checkpoint(folder / f"{name}.safetensors", random_network(), tiny_card(forgets=(1,), seed=seed))


def test_the_default_model_is_the_embedded_orthogonal_one_or_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OrthoError, match="No trained model was found"):
        default_model(Zoo([tmp_path], CPU))
    put(tmp_path, "a")
    assert default_model(Zoo([tmp_path], CPU)) == "a"
    put(tmp_path, module.PREFERRED_MODEL)
    assert default_model(Zoo([tmp_path], CPU)) == module.PREFERRED_MODEL


@pytest.mark.parametrize(("pair", "least"), [("fashion-mnist-resnet18-w16", 92), ("cifar10-resnet18-w64", 93)])
def test_the_shipped_models_are_sound_and_close_to_each_other(pair: str, least: float) -> None:
    zoo = module.zoo()
    cards = {entry.name: entry.card for entry in zoo.trained()}
    orthogonal, plain = (cards[f"{pair}-{kind}"] for kind in ("orthogonal", "plain"))
    assert orthogonal is not None and plain is not None
    assert min(orthogonal.accuracy["test"], plain.accuracy["test"]) >= least
    assert abs(orthogonal.accuracy["test"] - plain.accuracy["test"]) <= 0.7
    assert orthogonal.seed == plain.seed
    same = {"recipe", "accuracy", "filter_cosine", "orthogonality", "training_seconds"}
    assert orthogonal.model_dump(exclude=same) == plain.model_dump(exclude=same)


def test_a_link_to_a_file_that_is_gone_is_no_model(tmp_path: Path) -> None:
    put(tmp_path, "a")
    (tmp_path / "b.safetensors").symlink_to(tmp_path / "gone.safetensors")
    assert [entry.name for entry in Zoo([tmp_path], CPU).entries()] == ["a"]


def test_nothing_can_be_forgotten_in_a_reference(tmp_path: Path) -> None:
    put(tmp_path, "whole")
    put(tmp_path, "without", forgets=(1,))
    zoo = Zoo([tmp_path], CPU)
    assert zoo.forgettable("whole") is zoo.get("whole")
    with pytest.raises(RequestError, match=r"without was retrained without a class.*Choose one of: whole\."):
        zoo.forgettable("without")


def test_equal_weights_that_see_images_otherwise_are_another_model(tmp_path: Path) -> None:
    put(tmp_path, "a")
    put(tmp_path, "b", mean=(0.5,))
    zoo = Zoo([tmp_path], CPU)
    a, b = zoo.get("a"), zoo.get("b")
    assert a.weights == b.weights
    assert a.digest != b.digest


def test_a_model_that_does_not_fit_on_the_device_goes_to_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a")
    place = module.resident

    def full(name: str, card: ModelCard, network: nn.Module, device: torch.device) -> TrainedModel:
        if device != CPU:
            raise torch.OutOfMemoryError("made up")
        return place(name, card, network, device)

    monkeypatch.setattr(module, "resident", full)
    assert Zoo([tmp_path], torch.device("meta")).get("a").device == CPU


def test_a_full_device_gives_up_what_was_used_longest_ago_before_the_processor_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        put(tmp_path, name)
    device, place = torch.device("meta"), module.resident
    zoo = Zoo([tmp_path], device)

    def room_for_two(name: str, card: ModelCard, network: nn.Module, where: torch.device) -> TrainedModel:
        if where == device and len(zoo._models) >= 2:
            raise torch.OutOfMemoryError("made up")
        return dataclasses.replace(place(name, card, network, CPU), device=where)

    monkeypatch.setattr(module, "resident", room_for_two)
    assert [zoo.get(name).device for name in "abac"] == [device] * 4
    assert [name for name, _ in zoo._models] == ["a", "c"]  # b was used longest ago


def test_images_of_other_classes_than_the_models_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "a", dataset="fashion-mnist")
    with pytest.raises(DatasetError, match=r"Model “a” knows 4 classes.*has other ones"):
        Zoo([tmp_path], CPU).get("a").data()

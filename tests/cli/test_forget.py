"""``orthoui forget``: the contract of its answer, and what it refuses."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from orthoui.cli.app import app
from orthoui.data import DATASETS, load_dataset
from orthoui.evaluation.pipeline import forget
from orthoui.evaluation.summary import document
from orthoui.forgetting.request import ForgetRequest
from orthoui.ledger import RunFilter, ledger
from orthoui.ledger.forgettings import request_of
from orthoui.models.zoo import zoo
from tests.cli.calling import answer, call, refusal
from tests.cli.conftest import RECIPE, forget_caches, tiny

TINY = "forget --model tiny --split calibration --no-membership"
PROMISED = {
    "model", "dataset", "classes", "request", "before", "after", "membership", "touched", "timings_ms", "device",
    "seed", "version",
}  # fmt: skip
PROMISED_ACCURACIES = {
    "forget_accuracy", "forget_accuracy_interval", "retain_accuracy", "retain_accuracy_interval",
    "per_class_accuracy", "per_class_accuracy_interval", "n_forget", "n_retain", "split",
}  # fmt: skip


def test_the_answer_keeps_its_contract(home: Path) -> None:
    said = answer(f"{TINY} --classes 1 --ratio 0.3 --strength 0.8 --seed 4")
    assert said.keys() >= PROMISED
    assert said["before"].keys() >= PROMISED_ACCURACIES and said["after"].keys() >= PROMISED_ACCURACIES
    assert said["touched"].keys() == {"layers", "channels", "parameters"}
    assert said["timings_ms"].keys() >= {"profile", "plan", "apply", "evaluate"}
    assert said["membership"].keys() >= {"convention_a", "convention_b"}
    assert (said["model"], said["dataset"], said["classes"], said["seed"]) == ("tiny", "tiny", [1], 4)
    assert (said["request"]["ratio"], said["request"]["strength"]) == (0.3, 0.8)
    assert (said["after"]["n_forget"], said["after"]["n_retain"], said["after"]["split"]) == (20, 40, "calibration")


def test_the_answer_is_the_pipelines_own(home: Path) -> None:
    said = answer(f"{TINY} --classes 0,2 --ratio 0.4 --score margin --target bn --scope stage:1+2 --read-at relu")
    request = ForgetRequest(classes=(0, 2), ratio=0.4, score="margin", target="bn", scope="stage:1+2", read_at="relu")
    *_, outcome = forget(zoo().get("tiny"), load_dataset("tiny"), request, None, "calibration", membership=False)
    expected = document(outcome)
    for part in ("request", "before", "after", "random", "mask", "verdict", "touched"):
        assert said[part] == expected[part], part


def test_classes_may_be_named(home: Path) -> None:
    assert answer(f"{TINY} --classes 'Dark, 0'")["classes"] == [0, 2]


def test_every_image_may_be_looked_at(home: Path) -> None:
    highest = answer(f"{TINY} --classes 0 --images-per-class all")["request"]["images_per_class"]
    assert highest >= 20


def test_membership_is_measured_unless_left_out(home: Path) -> None:
    left_out = answer(f"{TINY} --classes 0")["membership"]
    assert left_out["convention_a"] is None and left_out["before"] is None
    measured = answer("forget --model tiny --classes 0")
    assert measured["after"]["split"] == "test"
    assert measured["membership"]["before"] is not None


def test_a_retrained_reference_is_found_and_measured(home: Path) -> None:
    assert call(f"train {RECIPE} --forget bar").exit_code == 0
    said = answer(f"{TINY} --classes bar")
    assert said["reference"] == "tiny-resnet18-w4-orthogonal-without-1"
    assert said["retrained"]["forget_accuracy"] == 0
    assert answer(f"{TINY} --classes dark")["reference"] is None


def test_the_embedded_orthogonal_model_is_the_default(home: Path) -> None:
    said = answer(
        "forget --classes sneaker --preset recommended --images-per-class 5 --split calibration --no-membership"
    )
    assert said["model"] == "fashion-mnist-resnet18-w16-orthogonal"
    assert said["class_names"] == ["Sneaker"]
    assert said["before"]["forget_accuracy"] > 90
    assert said["after"]["forget_accuracy"] < 10
    assert said["request"]["images_per_class"] == 5  # beside a preset, an option given wins
    assert said["request"]["attenuation"] == "uniform"  # the preset's, not the default


def test_people_read_headline_verdict_intervals_and_times(home: Path) -> None:
    shown = call(f"{TINY} --classes stripe --ratio 0").stdout
    assert "stripe unchanged: " in shown and "the other two: " in shown
    assert "Nothing is changed: no channel is scaled at these settings." in shown
    assert "before" in shown and "logit mask" in shown
    assert re.search(r"before +\d+\.\d % \(\d+\.\d–\d+\.\d\)", shown)
    assert "calibration images: 20 forgotten, 40 others; 95 % intervals; seed 0" in shown
    assert "profile" in shown and "evaluate" in shown and " ms" in shown


def test_options_are_the_requests_fields() -> None:
    command = typer.main.get_command(app).commands["forget"]  # type: ignore[attr-defined]
    offered = {option.name for option in command.params}
    assert set(ForgetRequest.model_fields) - {"edits"} <= offered
    help_texts = {option.name: option.help for option in command.params}
    assert "A number from 0 to 0.5. Default: 0.05." in help_texts["ratio"]
    assert "One of: floor, scaled, uniform." in help_texts["attenuation"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--classes 0 --ratio 0.9", "Ratio cannot be 0.9: choose a number from 0 to 0.5."),
        ("--classes 0 --ratio lots", "Ratio cannot be “lots”: choose a number from 0 to 0.5."),
        ("--classes 0 --ratio nan", "Ratio cannot be nan: choose a number from 0 to 0.5."),
        ("--classes 0 --strength -1", "Strength cannot be -1: choose a number from 0 to 1."),
        ("--classes 0 --score best", "choose difference, margin, standardised or random"),
        ("--classes 0 --images-per-class 0", "choose a whole number from 1 to 1,000,000"),
        ("--classes 0 --seed 1.5", "Seed cannot be 1.5: choose a whole number from 0"),
        ("--classes 0 --scope somewhere", "Scope cannot be “somewhere”"),
        ("--classes 0 --scope stage:9", "There is no stage “9”. Choose one of: 1, 2, 3, 4."),
        ("--classes 0 --scope layers:nowhere", "There is no layer “nowhere”. Choose one of: conv1"),
        ("--classes 3", "There is no class “3”. Choose one of: 0 (stripe), 1 (bar), 2 (dark)."),
        ("--classes boots", "There is no class “boots”"),
        ("--classes 0,1,2", "All 3 classes cannot be forgotten: nothing would be left to keep."),
        ("--classes ''", "No class to forget was named. Give at least one with --classes: 0 (stripe)"),
        ("--classes ' , '", "No class to forget was named."),
        ("--classes 0 --split holiday", "There is no split “holiday”. Choose one of: train, calibration, test."),
        ("--classes 0 --preset best", "There is no preset “best”. Choose one of: paper, recommended."),
        ("--classes 0 --preset recommended", "search one with “orthoui recommend --model tiny”"),
        ("--classes 0 --model none", "There is no model “none”. Choose one of: "),
    ],
)
def test_what_cannot_be_asked_is_explained(home: Path, options: str, words: str) -> None:
    assert words in refusal(f"forget --model tiny --split calibration {options}")


def test_a_damaged_checkpoint_is_explained(home: Path) -> None:
    whole = (home / "models" / "tiny.safetensors").read_bytes()
    (home / "models" / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (home / "models" / "text.safetensors").write_text("not a model")
    for name in ("cut", "text"):
        assert f"{name}.safetensors is damaged" in refusal(f"forget --model {name} --classes 0")


def test_classes_have_to_be_given() -> None:
    result = call("forget")
    assert result.exit_code == 2
    assert "--classes" in result.stderr


def test_a_forgetting_is_kept_in_the_ledger_once(home: Path) -> None:
    said = answer(f"{TINY} --classes 1 --ratio 0.3 --strength 0.8")
    answer(f"{TINY} --classes 1 --ratio 0.3 --strength 0.8")
    (kept,) = ledger().find(RunFilter(kind=("forget",)))
    assert (kept.kind, kept.state, kept.model, kept.dataset) == ("forget", "done", "tiny", "tiny")
    assert kept.metrics["forget_accuracy"] == said["after"]["forget_accuracy"]
    assert kept.metrics["forget_accuracy_interval"] == said["after"]["forget_accuracy_interval"]
    request = request_of(kept)
    assert request is not None and request.model_dump(mode="json") == said["request"]


@pytest.mark.parametrize("command", ["forget --ratio 0.3", "compare --methods original"])
def test_other_images_than_those_of_the_training_are_said_beside_the_answer(
    home: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    here = tiny()
    changed = replace(here, splits={**here.splits, "train": here["calibration"]}, test_drawn=True)
    monkeypatch.setitem(DATASETS._entries, "tiny", lambda: changed)
    forget_caches()
    result = call(f"{command} --model tiny --classes 1 --json")
    assert result.exit_code == 0 and result.stdout.startswith("{")
    assert "not the very ones that this model was trained on" in result.stderr
    assert "The test images were drawn from the same folder" in result.stderr


def test_a_ledger_that_cannot_be_written_costs_only_the_record(home: Path) -> None:
    (home / "ledger.sqlite").write_text("no database")
    result = call(f"{TINY} --classes 1 --json")
    assert result.exit_code == 0 and result.stdout.startswith("{")
    assert "This run is not in the ledger." in result.stderr and "is damaged" in result.stderr

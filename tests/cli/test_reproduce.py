"""``orthoui reproduce`` on the tiny model of the command line tests: a file, an answer, a run of the ledger."""

import json
from pathlib import Path

import pytest

from orthoui.ledger import RunFilter, ledger
from orthoui.models.checkpoints import load_checkpoint
from tests.cli.calling import answer, call, refusal

ON_TINY = "--dataset tiny --width 4"


def test_a_table_is_measured_written_and_answered(home: Path, tmp_path: Path) -> None:
    document = answer(f"reproduce table-3b {ON_TINY} --seeds 1 --out {tmp_path}")
    path = tmp_path / "table-3b-tiny-resnet18-w4.json"
    assert Path(document["path"]) == path
    assert {name: document[name] for name in json.loads(path.read_text())} == json.loads(path.read_text())
    assert isinstance(document["answer"], str) and len(document["cells"]) == 18
    first = document["cells"][0]
    assert first["measured"]["forget_accuracy"]["draws"] == 1
    assert first["command"] == "orthoui reproduce table-3b --dataset tiny --architecture resnet18 --width 4 --seeds 1"
    assert first["printed_for"] == "CIFAR-10, ResNet-18" and first["difference"] == {}
    (run,) = ledger().find(RunFilter(kind=("reproduce",)))
    assert (run.state, run.dataset, run.metrics["answer"]) == ("done", "tiny", document["answer"])

    once_more = answer(f"reproduce table-3b {ON_TINY} --seeds 1 --out {tmp_path}")
    assert once_more["cells"] == document["cells"]


def test_a_person_reads_a_table(home: Path) -> None:
    result = call(f"reproduce table-1 {ON_TINY}")
    assert result.exit_code == 0, result.stderr
    assert "Only one of the two networks is measured" in result.stdout
    assert "What is printed is for CIFAR-10, ResNet-18, width 64: a reference, no more." in result.stdout
    assert "Not yet run: There is no model for this: a plain network on tiny" in result.stdout
    assert "(printed 94.1 %)" in result.stdout
    assert (home / "paper" / "table-1-tiny-resnet18-w4.json").exists()


def test_networks_that_are_missing_are_trained_first_like_the_one_that_is_there(home: Path) -> None:
    other = home / "models" / "tiny-resnet18-w4-plain.safetensors"
    other.write_bytes(b"another model that has the name")
    document = answer(f"reproduce table-1 {ON_TINY} --train")
    assert {cell["id"] for cell in document["cells"] if cell["draws"]} == {"plain", "orthogonal"}
    assert "was trained otherwise" not in document["answer"]
    before, latest = len(ledger().find(RunFilter(kind=("train",)))), ledger().find(sort="-created")
    assert [(run.kind, run.model) for run in latest][1] == ("train", "tiny-resnet18-w4-plain-2")
    _, card = load_checkpoint(home / "models" / "tiny-resnet18-w4-plain-2.safetensors")
    _, lead = load_checkpoint(home / "models" / "tiny.safetensors")
    assert card.recipe == {**lead.recipe, "orthogonality": 0.0}
    assert other.read_bytes() == b"another model that has the name"
    answer(f"reproduce table-1 {ON_TINY} --train")
    assert len(ledger().find(RunFilter(kind=("train",)))) == before  # nothing is missing any more


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("reproduce table-4", "There is no table “table-4”. Choose one of: table-1, table-2, table-3a"),
        (f"reproduce table-1 {ON_TINY} --seeds 0", "Seeds cannot be 0: choose a whole number from 1 to 100."),
        (f"reproduce table-1 {ON_TINY} --read-at pool", "Read at cannot be “pool”: choose conv, bn or relu."),
        ("reproduce table-1 --dataset tiny --width 8", "There is no model for this"),
        (f"reproduce table-1 {ON_TINY} --architecture resnet19", "There is no architecture “resnet19”."),
        (
            f"reproduce table-1 {ON_TINY} --forget-class 9",
            "There is no class “9” in tiny: choose a number from 0 to 2",
        ),
        ("reproduce table-3a", "The images of CIFAR-10 are not on this machine."),
        (
            "reproduce table-3a --width 32",
            "Train one with “orthoui train --recipe cifar10-resnet18 --width 32 --orthogonality 0.01”.",
        ),
    ],
)
def test_refusals(home: Path, line: str, sentence: str) -> None:
    assert sentence in refusal(line)

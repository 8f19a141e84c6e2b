"""A user's own methods: the example of the docs, and files that do not work."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from orthoui.data import Dataset
from orthoui.methods import METHODS, OWN, unlearn
from orthoui.methods.own import load_own
from orthoui.models.trained import TrainedModel
from orthoui.settings import Settings, settings
from tests.methods.working import logits_of

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "own_method.md").read_text(encoding="utf-8"), re.S)[0]
PLAIN = """
from orthoui.methods import MethodRequest, method
@method("{name}", title="T", source="s", summary="s.", request={request}, needs=set())
def run(work):
    return work.student()
"""


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Nothing that a test loads stays registered."""
    before, places = set(METHODS), list(sys.path)
    yield
    sys.path[:] = places
    for name in set(METHODS) - before:
        METHODS.remove(name)


def plain(name: str, request: str = "MethodRequest") -> str:
    return PLAIN.format(name=name, request=request)


def write(folder: Path, **files: str) -> Path:
    for stem, source in files.items():
        (folder / f"{stem}.py").write_text(source, encoding="utf-8")
    return folder


def test_the_example_of_the_docs_works_and_is_about_twenty_lines(
    model: TrainedModel, data: Dataset, tmp_path: Path
) -> None:
    own = load_own(write(tmp_path, mine=EXAMPLE))
    assert own.problems == () and own.files == {"turned-row": tmp_path / "mine.py"}
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 26
    method = METHODS["turned-row"]
    network = unlearn(method, model, data, method.request(classes=(1,))).network
    test = data["test"]
    assert (logits_of(network, test).argmax(1)[test.labels == 1] == 1).float().mean() <= 0.05
    kept = unlearn(method, model, data, method.request.model_validate({"classes": (1,), "strength": 0})).network
    assert torch.equal(logits_of(kept, test), logits_of(model.network, test))


def test_nothing_is_loaded_unless_the_setting_is_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().methods is None
    assert (OWN.folder, OWN.files, OWN.problems) == (None, {}, ())
    assert load_own(None).files == {}
    write(tmp := home.parent, mine=plain("x"))
    monkeypatch.setenv("ORTHOUI_METHODS", str(tmp / ".." / tmp.name))
    assert Settings().methods == tmp.resolve()
    assert "x" not in METHODS


def test_a_process_with_the_setting_has_the_method(tmp_path: Path) -> None:
    write(tmp_path, mine=EXAMPLE)
    code = "from orthoui.methods import METHODS; METHODS['turned-row']"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ORTHOUI_METHODS": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = (", r"bad\.py was not loaded: line 1: SyntaxError: '\(' was never closed\."),
        ("\n\nimport nothing_of_that_name", r"line 3: ModuleNotFoundError: No module named 'nothing_of_that_name'\."),
        ("1 / 0", r"line 1: ZeroDivisionError: division by zero\."),
        ("raise SystemExit", r"line 1: SystemExit\."),
        ("x = 1", r"it defines no method\. Decorate a function with @method"),
        (
            plain("fine-tune"),
            r"line 3: ValueError|The method “fine-tune” is registered twice\. Choose another name\.",
        ),
        (plain("new", "int"), r"the request of “new” is not a MethodRequest\."),
        (plain("new") + "\n1 / 0", r"line 7: ZeroDivisionError"),
        (
            "from orthoui.methods import MethodRequest\nclass R(MethodRequest):\n    bare: int = 1\n"
            + plain("new", "R"),
            r"the field “bare” of “new” needs a title and a description\.",
        ),
        (
            "from pydantic import Field\nfrom orthoui.methods import MethodRequest\nclass R(MethodRequest):\n"
            "    bare: int = Field(title='B', description='b')\n" + plain("new", "R"),
            r"the field “bare” of “new” needs a default\.",
        ),
        (
            plain("new").replace("needs=set()", "needs={'gradients', 'luck'}"),
            r"“new” needs “luck”, which is not one of: forget images, .*classifier head\.",
        ),
        (
            plain("new").replace("needs=set()", "needs=set(), search={'speed': (1, 2)}"),
            r"the search of “new” names “speed”, which is no field of its request\.",
        ),
    ],
)
def test_a_file_that_fails_is_named_and_leaves_nothing_behind(tmp_path: Path, source: str, words: str) -> None:
    before = {name: METHODS[name] for name in METHODS}
    own = load_own(write(tmp_path, bad=source, good=plain("good-one"), _helper="1 / 0"))
    assert list(own.files) == ["good-one"]
    assert len(own.problems) == 1 and re.search(words, own.problems[0])
    assert {name: METHODS[name] for name in METHODS if name != "good-one"} == before
    assert "orthoui_own_bad" not in sys.modules


def test_a_file_with_an_underscore_can_be_imported_by_the_others(tmp_path: Path) -> None:
    own = load_own(write(tmp_path, mine="import _of_both\n" + plain("mine"), _of_both="SHARED = 1"))
    assert (list(own.files), own.problems) == (["mine"], ())


def test_two_files_of_one_name_the_first_is_kept(tmp_path: Path) -> None:
    own = load_own(write(tmp_path, a=plain("same"), b=plain("same")))
    assert own.files == {"same": tmp_path / "a.py"}
    assert (
        own.problems
        == ("b.py was not loaded: line 3: ValueError: The method “same” is registered twice. Choose another name.",)
        or "registered twice" in own.problems[0]
    )


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    own = load_own(tmp_path / "none")
    assert own.problems == (f"There is no folder {tmp_path / 'none'} of own methods. Correct ORTHOUI_METHODS.",)


def test_the_setting_is_in_the_readme() -> None:
    assert "`ORTHOUI_METHODS`" in (ROOT / "README.md").read_text(encoding="utf-8")

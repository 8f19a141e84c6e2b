"""The shape of the code, read from its import statements: one way in, and libraries only where they belong."""

import ast
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "orthoui").rglob("*.py")])

# Later rows may use earlier ones, never the reverse; within a row they may use each other.
ROWS = (
    ("settings", "errors", "registry", "files", "memory", "wording", "provenance"),
    ("data",),
    ("models",),
    ("training",),
    ("forgetting",),
    ("methods",),
    ("evaluation",),
    ("figures",),
    ("ledger",),
    ("jobs",),
    ("paper",),
    ("report", "bench"),
    ("ui",),
    ("cli", "__main__"),
)
RANK = {name: rank for rank, row in enumerate(ROWS) for name in row}
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}

Fault = tuple[int, str]
Check = Callable[[str, str], list[Fault]]


def imports(tree: ast.AST, package: str) -> Iterable[tuple[int, str]]:
    """Every imported name with its line: ``from a import b`` gives ``a.b``, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def package_of(path: str) -> str:
    """``orthoui/data/catalog.py`` is in the package ``orthoui.data``."""
    return ".".join(Path(path).parent.parts)


def row_of(path: str) -> str:
    """The unit a file belongs to: ``orthoui/data/catalog.py`` is ``data``, ``orthoui/errors.py`` is ``errors``."""
    return Path(path).parts[1].removesuffix(".py")


def imports_point_one_way(path: str, source: str) -> list[Fault]:
    """No package imports a later one, and every package has its place."""
    if not path.startswith("orthoui/") or path == "orthoui/__init__.py":
        return []
    own = row_of(path)
    if own not in RANK:
        return [(1, f"{own} has no place in the order of imports")]
    faults = []
    for line, name in imports(ast.parse(source), package_of(path)):
        parts = name.split(".")
        if parts[0] != "orthoui" or len(parts) == 1 or parts[1] in (own, "__version__"):
            continue
        if parts[1] not in RANK:
            faults.append((line, f"{parts[1]} has no place in the order of imports"))
        elif RANK[parts[1]] > RANK[own] or (own, parts[1]) == ("cli", "ui"):
            faults.append((line, f"{own} imports {parts[1]}"))
    return faults


def streamlit_stays_in_the_pages(path: str, source: str) -> list[Fault]:
    """Streamlit is imported in app.py, pages/ and orthoui/ui/ only."""
    if path == "app.py" or path.startswith(("pages/", "orthoui/ui/")):
        return []
    return _forbidden(path, source, {"streamlit"})


def torch_stays_out_of_figures_and_pages(path: str, source: str) -> list[Fault]:
    """Torch is not imported where things are only shown."""
    if path != "app.py" and not path.startswith(("pages/", "orthoui/figures/")):
        return []
    return _forbidden(path, source, {"torch", "torchvision"})


def nothing_is_unpickled(path: str, source: str) -> list[Fault]:
    """No pickle is read or written, directly or through torch or NumPy; torch.load says weights_only=True."""
    tree = ast.parse(source)
    faults = _forbidden(path, source, PICKLES)
    faults += [(line, name) for line, name in imports(tree, package_of(path)) if name in ("torch.load", "torch.save")]
    safe = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and _weights_only(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("torch.load", "torch.save"):
            faults += [] if id(node) in safe else [(node.lineno, ast.unparse(node))]
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            faults.append((node.value.lineno, "allow_pickle"))
    return faults


def _weights_only(call: ast.Call) -> bool:
    """Whether a call reads tensors and plain containers only, said so that a reader sees it."""
    said = [ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == "weights_only"]
    return ast.unparse(call.func) == "torch.load" and said == ["True"]


def no_print_and_no_assert(path: str, source: str) -> list[Fault]:
    """Library code neither prints nor asserts, and catches no error without naming it."""
    faults = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert):
            faults.append((node.lineno, "assert"))
        elif isinstance(node, ast.Name) and node.id == "print":
            faults.append((node.lineno, "print"))
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            faults.append((node.lineno, "bare except"))
    return faults


def _forbidden(path: str, source: str, libraries: set[str]) -> list[Fault]:
    found = imports(ast.parse(source), package_of(path))
    return [(line, f"imports {name}") for line, name in found if name.split(".")[0] in libraries]


CHECKS: tuple[Check, ...] = (
    imports_point_one_way,
    streamlit_stays_in_the_pages,
    torch_stays_out_of_figures_and_pages,
    nothing_is_unpickled,
    no_print_and_no_assert,
)


@pytest.mark.parametrize("check", CHECKS)
def test_the_code_keeps_its_shape(check: Check) -> None:
    assert len(SOURCES) > 20
    faults = []
    for file in SOURCES:
        path = file.relative_to(ROOT).as_posix()
        faults += [f"{path}:{line}: {what}" for line, what in check(path, file.read_text(encoding="utf-8"))]
    assert not faults, "\n".join([check.__doc__ or "", *faults])


@pytest.mark.parametrize(
    ("check", "path", "source"),
    [
        (imports_point_one_way, "orthoui/data/a.py", "from orthoui.models import zoo"),
        (imports_point_one_way, "orthoui/data/a.py", "from orthoui import models"),
        (imports_point_one_way, "orthoui/data/a.py", "import orthoui.models.zoo"),
        (imports_point_one_way, "orthoui/data/a.py", "from ..models import zoo"),
        (imports_point_one_way, "orthoui/data/a.py", "from .. import models"),
        (imports_point_one_way, "orthoui/errors.py", "from .data import catalog"),
        (imports_point_one_way, "orthoui/errors.py", "def later():\n    from orthoui.ui import state"),
        (imports_point_one_way, "orthoui/evaluation/a.py", "from orthoui.figures.theme import INK"),
        (imports_point_one_way, "orthoui/cli/a.py", "from orthoui.ui import frame"),
        (imports_point_one_way, "orthoui/ledger/a.py", "from orthoui.jobs.engine import engine"),
        (imports_point_one_way, "orthoui/data/a.py", "from orthoui.unheard import of"),
        (imports_point_one_way, "orthoui/unheard/of.py", "import math"),
        (streamlit_stays_in_the_pages, "orthoui/figures/a.py", "import streamlit as st"),
        (streamlit_stays_in_the_pages, "orthoui/cli/run.py", "def run():\n    from streamlit.web import cli"),
        (torch_stays_out_of_figures_and_pages, "orthoui/figures/a.py", "from torch import Tensor"),
        (torch_stays_out_of_figures_and_pages, "pages/explore/a.py", "import torch.nn.functional as F"),
        (torch_stays_out_of_figures_and_pages, "app.py", "import torchvision"),
        (nothing_is_unpickled, "orthoui/models/a.py", "import pickle"),
        (nothing_is_unpickled, "orthoui/models/a.py", "import torch\ntorch.load('a')"),
        (nothing_is_unpickled, "orthoui/models/a.py", "from torch import load"),
        (nothing_is_unpickled, "orthoui/models/a.py", "import torch\ntorch.load('a', weights_only=False)"),
        (nothing_is_unpickled, "orthoui/models/a.py", "import torch\ntorch.load('a', weights_only=safe)"),
        (nothing_is_unpickled, "orthoui/models/a.py", "numpy.load('a', allow_pickle=True)"),
        (no_print_and_no_assert, "orthoui/models/a.py", "print('here')"),
        (no_print_and_no_assert, "orthoui/models/a.py", "say = print"),
        (no_print_and_no_assert, "orthoui/models/a.py", "assert True"),
        (no_print_and_no_assert, "pages/a.py", "try:\n    pass\nexcept:\n    pass"),
    ],
)
def test_an_offence_is_found(check: Check, path: str, source: str) -> None:
    assert len(check(path, source)) == 1


@pytest.mark.parametrize(
    ("check", "path", "source"),
    [
        (imports_point_one_way, "orthoui/evaluation/a.py", "from orthoui.data import Dataset\nimport torch"),
        (imports_point_one_way, "orthoui/data/a.py", "from .catalog import dataset\nfrom . import mosaic"),
        (imports_point_one_way, "orthoui/cli/app.py", "from orthoui import __version__"),
        (imports_point_one_way, "app.py", "from orthoui.ui.frame import navigation"),
        (streamlit_stays_in_the_pages, "orthoui/ui/state.py", "import streamlit as st"),
        (torch_stays_out_of_figures_and_pages, "orthoui/models/a.py", "import torch"),
        (nothing_is_unpickled, "orthoui/models/a.py", "from safetensors.torch import load"),
        (nothing_is_unpickled, "orthoui/models/a.py", "import torch\ntorch.load('a', weights_only=True)"),
        (nothing_is_unpickled, "orthoui/data/a.py", "numpy.load('a', allow_pickle=False)"),
        (no_print_and_no_assert, "orthoui/models/a.py", "console.print('here')"),
    ],
)
def test_what_is_allowed_is_not_an_offence(check: Check, path: str, source: str) -> None:
    assert check(path, source) == []

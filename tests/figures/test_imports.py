import ast
from pathlib import Path

import orthoui.figures

FORBIDDEN = {"torch", "torchvision", "streamlit", "scipy", "sklearn"}


def test_figures_import_neither_networks_nor_pages_nor_statistics() -> None:
    files = sorted(Path(orthoui.figures.__file__).parent.glob("*.py"))
    assert len(files) > 5
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] not in FORBIDDEN, file
                assert not name.startswith("orthoui.") or name.startswith(("orthoui.errors", "orthoui.figures")), file

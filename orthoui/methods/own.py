"""A user's own methods: Python files in a folder, through the same door as the built-in ones."""

import sys
import traceback
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import get_args

from orthoui.methods.base import METHODS, MethodRequest, Need


@dataclass(frozen=True)
class Own:
    """What was found in the folder: ``files`` by method name, and ``problems`` in sentences."""

    folder: Path | None = None
    files: dict[str, Path] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


class _RefusedError(Exception):
    """Why a file that could be run is not accepted, in words."""


def load_own(folder: Path | None) -> Own:
    """Run every ``*.py`` file of a folder that may register methods; nothing at all without a folder.

    A file whose name begins with an underscore is left to the others to import. One that fails leaves nothing
    behind and hinders no other. The files run with all rights of this process: not for files of others.
    """
    if folder is None:
        return Own()
    if not folder.is_dir():
        return Own(folder, problems=(f"There is no folder {folder} of own methods. Correct ORTHOUI_METHODS.",))
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last, so that no file there can stand for an installed package
    files: dict[str, Path] = {}
    problems: list[str] = []
    for path in sorted(folder.glob("[!_]*.py")):
        before = set(METHODS)
        try:
            _run(path)
            new = [name for name in METHODS if name not in before]
            _check(new)
        except _RefusedError as error:
            problems.append(f"{path.name} was not loaded: {error}")
        except (Exception, SystemExit) as error:  # noqa: BLE001  any fault of any file must leave the others alone
            problems.append(f"{path.name} was not loaded: {_where(error, path)}{_words(error)}")
        else:
            files |= dict.fromkeys(new, path)
            continue
        sys.modules.pop(_module_name(path), None)
        for name in set(METHODS) - before:
            METHODS.remove(name)
    return Own(folder, files, tuple(problems))


def _run(path: Path) -> None:
    spec = spec_from_file_location(_module_name(path), path)
    if spec is None or spec.loader is None:
        raise _RefusedError("it cannot be read as Python.")
    module = module_from_spec(spec)
    sys.modules[module.__name__] = module  # annotations of request models are looked up there
    spec.loader.exec_module(module)


def _module_name(path: Path) -> str:
    return f"orthoui_own_{path.stem}"


def _check(new: list[str]) -> None:
    if not new:
        raise _RefusedError("it defines no method. Decorate a function with @method, or begin its name with “_”.")
    for name in new:
        undefined = METHODS[name].needs - set(get_args(Need))
        if undefined:
            words = ", ".join(get_args(Need))
            raise _RefusedError(f"“{name}” needs “{min(undefined)}”, which is not one of: {words}.")
        request = METHODS[name].request
        if not (isinstance(request, type) and issubclass(request, MethodRequest)):
            raise _RefusedError(f"the request of “{name}” is not a MethodRequest.")
        mute = [key for key, part in request.model_fields.items() if not (part.title and part.description)]
        if mute:
            raise _RefusedError(f"the field “{mute[0]}” of “{name}” needs a title and a description.")
        unset = [key for key, part in request.model_fields.items() if part.is_required() and key != "classes"]
        if unset:
            raise _RefusedError(f"the field “{unset[0]}” of “{name}” needs a default.")
        unknown = [key for key in METHODS[name].search if key not in request.model_fields]
        if unknown:
            raise _RefusedError(f"the search of “{name}” names “{unknown[0]}”, which is no field of its request.")


def _where(error: BaseException, path: Path) -> str:
    """Return the line of the user's own file that failed, as the beginning of a sentence."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: "
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"line {lines[-1]}: " if lines else ""


def _words(error: BaseException) -> str:
    if isinstance(error, ValueError) and str(error).endswith("is registered twice."):
        return f"{error} Choose another name."
    words = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {words}".rstrip(": .") + "."

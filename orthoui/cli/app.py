"""The ``orthoui`` program: its options and the list of its commands.

A command is a plain function in a file of its own, decorated with ``reports_errors``; naming it in
``COMMANDS`` adds it under the function's name. Its file imports torch, and everything that imports torch,
inside the function, so that ``orthoui --help`` answers at once.
"""

from collections.abc import Callable
from typing import Annotated

import typer

from orthoui import __version__
from orthoui.cli.bench import bench
from orthoui.cli.compare import compare
from orthoui.cli.datasets import datasets, get
from orthoui.cli.embed import embed
from orthoui.cli.forget import forget
from orthoui.cli.importing import import_file
from orthoui.cli.methods import methods
from orthoui.cli.models import models
from orthoui.cli.recommend import recommend
from orthoui.cli.record import record
from orthoui.cli.reproduce import reproduce
from orthoui.cli.run import run
from orthoui.cli.train import train
from orthoui.cli.tune import tune

COMMANDS: tuple[Callable[..., None], ...] = (
    run, forget, compare, methods, tune, train, reproduce, recommend, record, bench,
)  # fmt: skip
GROUPS: tuple[tuple[Callable[..., None], dict[str, Callable[..., None]]], ...] = (
    (models, {"import": import_file}),
    (datasets, {"get": get}),
)
"""Commands that have commands of their own, and answer without one too."""
UPKEEP: tuple[Callable[..., None], ...] = (embed,)
"""Commands for who keeps the repository; they work, and the list of commands leaves them out."""

app = typer.Typer(
    name="orthoui",
    help="Watch a trained network forget a class, and judge from evidence whether it did.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"orthoui {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop."),
    ] = False,
) -> None:
    """Watch a trained network forget a class, and judge from evidence whether it did."""


for command in COMMANDS:
    app.command()(command)
for command, below in GROUPS:
    group = typer.Typer(context_settings=app.info.context_settings)
    group.callback(invoke_without_command=True)(command)
    for name, inner in below.items():
        group.command(name)(inner)
    app.add_typer(group, name=command.__name__)
for command in UPKEEP:
    app.command(hidden=True)(command)

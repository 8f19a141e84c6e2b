"""``orthoui bench``: how fast every stage is here, beside the goals."""

from pathlib import Path
from typing import Annotated

import typer

from orthoui.cli.common import AsJson, checked_folder, emit, reports_errors, writing
from orthoui.errors import RequestError
from orthoui.wording import joined


@reports_errors
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer repeats; answers within 45 s on 2 idle cores.")
    ] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Leave out what needs a browser.")] = False,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="GROUP[,GROUP]",
            help="Measure these rows alone: core, training, methods, cluster, browser.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.md", help="Write the table as markdown, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the speed of every stage in one run, as ratios to the bare network or as times, beside its goal."""
    from orthoui.bench.report import markdown, rich_table
    from orthoui.bench.run import GROUPS, benchmark

    groups = [part.strip() for part in (only or "").split(",") if part.strip()]
    if only is not None and not groups:
        raise RequestError(f"--only names no group of rows. Choose of {joined(GROUPS)}, or leave it out.")
    if out is not None:
        out = checked_folder(out.parent) / out.name
    result = benchmark(
        quick=quick,
        browser=not no_browser,
        only=groups,
        progress=lambda stage: typer.echo(f"Measuring {stage} …", err=True),
    )
    emit(result, as_json, lambda: rich_table(result))
    if out is not None:
        with writing(out):
            out.write_text(markdown(result), encoding="utf-8")

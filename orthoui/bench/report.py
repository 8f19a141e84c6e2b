"""The benchmark as a table for the terminal, as markdown for the documentation, and as a document."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

import psutil
import torch
from pydantic import BaseModel, ConfigDict
from rich import box
from rich.markup import escape
from rich.table import Table

from orthoui import __version__
from orthoui.bench.rows import Row, amount
from orthoui.models.device import fast_dtype
from orthoui.wording import joined

HEADS = ("what", "measured", "goal", "met", "how")
NOT_MEASURED = "not measured"
BUSY_LOAD = 0.5
"""Load per core before the start from which a machine counts as busy."""


class Machine(BaseModel):
    """What the figures were measured on; enough to compare, nothing that names the machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: str
    cores: int
    processor: str
    memory_gb: float
    device: str
    precision: str
    threads: int
    load: float
    """Average number of busy cores in the minute before the start."""
    versions: dict[str, str]


class Benchmark(BaseModel):
    """One run of the benchmark; ``seconds`` counts from the start of the process.

    ``only``: the groups of rows that were asked for; empty for all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: Machine
    quick: bool
    only: tuple[str, ...] = ()
    seconds: float
    rows: tuple[Row, ...]


def describe_machine(device: torch.device) -> Machine:
    """Return what this machine is."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    return Machine(
        date=datetime.now(UTC).date().isoformat(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        processor=f"{platform.machine()} with {torch.backends.cpu.get_cpu_capability()}",
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        device=name,
        precision=str(fast_dtype(device)).removeprefix("torch."),
        threads=torch.get_num_threads(),
        load=round(psutil.getloadavg()[0], 2),
        versions={"orthoui": __version__, "python": platform.python_version()}
        | {package: version(package) for package in ("torch", "streamlit")},
    )


def sentence(benchmark: Benchmark) -> str:
    """Say in a sentence or two where, when and how thoroughly was measured."""
    machine = benchmark.machine
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    text = (
        f"{machine.date}: {machine.cores} cores ({machine.processor}), {machine.memory_gb:.0f} GB, computing on "
        f"{machine.device} in {machine.precision} with {machine.threads} threads; {versions}. "
        f"{'Quick run' if benchmark.quick else 'Full run'}"
        f"{f' of {joined(benchmark.only)}' if benchmark.only else ''}, {benchmark.seconds:.0f} s."
    )
    if machine.load > BUSY_LOAD * machine.cores:
        text += (
            f" The machine was busy with other work before the start (load {machine.load:.1f} on {machine.cores} "
            "cores): times are longer than on an idle one."
        )
    return text


def cells(row: Row) -> tuple[str, str, str, str, str]:
    """Return a row's texts: what, measured, goal, met, how."""
    measured = NOT_MEASURED if row.value is None else amount(row.value, row.unit)
    goal = "–" if row.goal is None else f"{row.bound} {row.goal:g} {row.unit}"
    met = {True: "met", False: "not met", None: "–"}[row.met]
    return row.what, measured, goal, met, row.reason or row.how


def rich_table(benchmark: Benchmark) -> Table:
    """Return the table for a terminal."""
    styles = {"met": "[green]met[/green]", "not met": "[red]not met[/red]"}
    table = Table(caption=escape(sentence(benchmark)), caption_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what, and how it was measured", ratio=1, overflow="fold")
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("goal", justify="right", no_wrap=True)
    table.add_column("met", no_wrap=True)
    for row in benchmark.rows:
        what, measured, goal, met, how = map(escape, cells(row))
        table.add_row(f"{what}\n[dim]{how}[/dim]\n", measured, goal, styles.get(met, met))
    return table


def markdown(benchmark: Benchmark) -> str:
    """Return the table as markdown, the machine above it."""
    lines = [sentence(benchmark), "", f"| {' | '.join(HEADS)} |", "| --- | ---: | ---: | --- | --- |"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in cells(row))} |" for row in benchmark.rows]
    return "\n".join(lines) + "\n"

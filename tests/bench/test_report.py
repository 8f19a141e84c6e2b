"""The benchmark's table, for a terminal and as markdown."""

import io

from rich.console import Console

from orthoui.bench.report import Benchmark, Machine, describe_machine, markdown, rich_table, sentence
from orthoui.bench.rows import Row
from orthoui.models.device import resolve_device

ROWS = (
    Row(what="plan [fast]", unit="ms", goal=5).measured(1.25, "n = 3 repeats | median"),
    Row(what="evaluation", unit="%", goal=80, bound="at least").measured(70, "in turn"),
    Row(what="on a GPU", unit="ms", goal=1).missing("there is no GPU here"),
    Row(what="context", unit="×").measured(1.5, "once"),
)


def made(load: float = 0.1) -> Benchmark:
    machine = Machine(
        date="2026-01-02",
        cores=2,
        processor="x86_64 with AVX512",
        memory_gb=15.6,
        device="cpu",
        precision="bfloat16",
        threads=2,
        load=load,
        versions={"torch": "2.15.0"},
    )
    return Benchmark(machine=machine, quick=True, seconds=41.2, rows=ROWS)


def test_the_terminal_shows_every_row_with_its_verdict() -> None:
    text = io.StringIO()
    Console(file=text, width=120).print(rich_table(made()))
    lines = [" ".join(line.split()) for line in text.getvalue().splitlines()]
    assert "plan [fast] 1.2 ms at most 5 ms met" in lines
    assert "evaluation 70.0 % at least 80 % not met" in lines
    assert "on a GPU not measured at most 1 ms –" in lines
    assert "there is no GPU here" in lines
    assert "context 1.50 × – –" in lines


def test_markdown_is_one_table_with_the_machine_above() -> None:
    lines = markdown(made()).splitlines()
    assert lines[0] == (
        "2026-01-02: 2 cores (x86_64 with AVX512), 16 GB, computing on cpu in bfloat16 with 2 threads; "
        "torch 2.15.0. Quick run, 41 s."
    )
    table = lines[2:]
    assert table[0] == "| what | measured | goal | met | how |"
    assert {line.count("|") for line in table} == {6}
    assert "| plan [fast] | 1.2 ms | at most 5 ms | met | n = 3 repeats / median |" in table
    assert "| on a GPU | not measured | at most 1 ms | – | there is no GPU here |" in table


def test_groups_that_were_measured_alone_are_named() -> None:
    some = made().model_copy(update={"only": ("training", "cluster")})
    assert sentence(some).endswith("Quick run of training and cluster, 41 s.")


def test_a_busy_machine_is_mentioned() -> None:
    assert "busy" not in sentence(made(load=0.9))
    assert "busy with other work" in sentence(made(load=1.1))


def test_a_machine_describes_itself_without_its_name() -> None:
    machine = describe_machine(resolve_device("cpu"))
    assert machine.cores >= 1
    assert machine.memory_gb > 0
    assert machine.device == "cpu"
    assert {"orthoui", "python", "torch", "streamlit"} == set(machine.versions)

import pytest

from orthoui.paper.plans import comparable, plan_cells
from orthoui.paper.printed import printed
from orthoui.paper.setting import TABLES, ReproduceRequest, Setting
from tests.paper.made import CLASSES


def test_every_printed_row_is_there() -> None:
    counts = [len(rows) for rows in (printed().table_1, printed().table_2, printed().table_3a, printed().table_3b)]
    assert counts == [9, 45, 5, 9]
    assert len(printed().appendix) == 30


def test_the_tables_repeat_each_other_where_the_paper_does() -> None:
    """Printed row 0.05 of Table 3(a), row 0.4 of Table 3(b), class 1 of the appendix and OSP in Table 2 are one."""
    ours = next(row for row in printed().table_2 if (row.method, row.dataset, row.architecture) == OSP).values
    pair = {name: ours[name] for name in ("forget_accuracy", "retain_accuracy")}
    assert dict(printed().table_3a[-1].orthogonal) == pair
    assert dict(next(row for row in printed().table_3b if row.strength == 0.4).orthogonal) == pair
    row = next(row for row in printed().appendix if (row.architecture, row.forget_class) == ("resnet18", 1))
    assert dict(row.pruned) == pair
    assert dict(row.raw) == dict(printed().table_1[0].orthogonal)


OSP = ("OSP", "cifar10", "resnet18")


def test_raw_rows_of_the_appendix_are_one_network() -> None:
    """Each A_r is the mean of the other nine A_u, but for the two rows that differ in print too."""
    for architecture in ("resnet18", "resnet50", "vgg16"):
        rows = [row for row in printed().appendix if row.architecture == architecture]
        total = sum(row.raw["forget_accuracy"] for row in rows)
        for row in rows:
            others = (total - row.raw["forget_accuracy"]) / 9
            assert row.raw["retain_accuracy"] == pytest.approx(others, abs=0.035)


@pytest.mark.parametrize("name", TABLES)
def test_cells_have_names_of_their_own_and_possible_requests(name: str) -> None:
    for setting in (Setting(), Setting(dataset="fashion-mnist", width=16, read_at="conv", forget_class=3)):
        plans = plan_cells(name, setting, CLASSES)  # type: ignore[arg-type]
        assert len({plan.id for plan in plans}) == len(plans) > 0
        for plan in plans:
            request = plan.request(2)
            if request is not None:
                assert (request.target, request.score, request.scope) == ("conv", "difference", "all")
                assert (request.images_per_class, request.read_at, request.seed) == (5, setting.read_at, 2)


def test_a_files_name_says_what_is_unusual() -> None:
    assert Setting().file_name("table-1") == "table-1-cifar10-resnet18-w64.json"
    odd = Setting(width=32, orthogonality=0.001, read_at="conv", forget_class=7)
    assert odd.file_name("table-3a") == "table-3a-cifar10-resnet18-w32-lambda0.001-read-at-conv-class7.json"


def test_only_the_papers_own_setting_is_compared() -> None:
    assert Setting().is_the_papers and Setting(dataset="cifar100", architecture="vgg16_bn").is_the_papers
    assert not Setting(width=32).is_the_papers
    assert not Setting(dataset="fashion-mnist").is_the_papers
    assert not Setting(forget_class=2).is_the_papers


@pytest.mark.parametrize(
    ("setting", "tables"),
    [
        (Setting(), ["table-1", "table-2", "table-3a", "table-3b", "appendix"]),
        (Setting(architecture="vgg16_bn"), ["table-1", "table-2", "appendix"]),
        (Setting(dataset="cifar100", architecture="resnet50"), ["table-1", "table-2"]),
        (Setting(width=32), []),
    ],
)
def test_what_is_printed_for_another_network_is_never_compared(setting: Setting, tables: list[str]) -> None:
    found = [name for name in TABLES if any(comparable(plan, setting) for plan in plan_cells(name, setting, CLASSES))]
    assert found == tables


def test_a_command_says_all_that_is_unusual() -> None:
    asked = ReproduceRequest(table="table-1", seeds=2, trainings=1)
    assert asked.command.endswith("--width 64 --seeds 2 --trainings 1")


def test_classes_of_another_data_set_have_no_printed_row() -> None:
    assert all(plan.printed for plan in plan_cells("appendix", Setting(width=32), CLASSES))
    assert not any(plan.printed for plan in plan_cells("appendix", Setting(dataset="fashion-mnist"), CLASSES))

"""The Paper page without a browser: what is measured, what is not, how each number was had, and where it leads."""

import html
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from orthoui.forgetting.finetuning import Epoch
from orthoui.models.zoo import zoo
from orthoui.paper import store
from orthoui.paper.pictures import FORGOTTEN_IMAGES
from orthoui.paper.schema import Pictures, Table
from orthoui.paper.setting import EMBEDDED, Setting
from orthoui.paper.store import write_table
from orthoui.ui.link import from_query
from tests.pages.opening import heading, opened, run, send, text, view
from tests.paper.made import accuracies, table

PAGE = "pages/lab/paper.py"
pytestmark = pytest.mark.usefixtures("shipped")


def put(folder: Path, made: Table) -> None:
    write_table(folder / made.setting.file_name(made.table), made)


def bodies(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def cells(app: AppTest) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", bodies(app))))


def choose(app: AppTest, setting: Setting) -> AppTest:
    app.selectbox(key="paper_setting").set_value(setting.name)
    return run(app)


def test_nothing_measured_is_said_with_the_commands() -> None:
    app = opened(PAGE)
    assert heading(app) == "None of the paper's tables is measured on CIFAR-10, ResNet-18, width 64 yet."
    assert text(app).count("Not measured here yet.") == 7
    words = cells(app)
    assert "not yet run" in words and "printed 78.7 %" in words
    assert "<code>orthoui train --recipe cifar10-resnet18 --orthogonality 0.01 --forget 1</code>" in bodies(app)
    assert "<code>orthoui datasets get cifar10</code>" in bodies(app)
    assert "<code>orthoui reproduce table-3a --dataset cifar10 --architecture resnet18 --width 64</code>" in bodies(
        app
    )
    assert "<code>orthoui reproduce table-2 --dataset cifar10 --architecture resnet18 --width 64</code>" in bodies(
        app
    )
    assert not [button for button in app.button if (button.key or "").startswith("measure_")]


def test_printed_measured_and_difference_stand_side_by_side(shipped: Path) -> None:
    values = {"orthogonal/0.05/floor": accuracies(0.4, 85), "plain/0.05/floor": accuracies(44, 89)}
    put(shipped, table("table-3a", values))
    app = opened(PAGE)
    assert heading(app) == "On CIFAR-10, ResNet-18, width 64, what Table 3(a) claims holds."
    assert "The main claim holds here: at ratio 0.05 the orthogonal network still recognises 0.4 % of" in text(app)
    words = cells(app)
    assert "0.4 %" in words and "printed 0.0 % as printed" in words
    assert "85.0 %" in words and "printed 90.3 % 5.3 points worse" in words
    assert "One draw of the five images, seed 0." in words
    assert "n = 1,000; intervals are 95 %. cpu, float32, 2 s in all, 01 Jan 2026, version 0." in words
    assert '<i class="worse">5.3 points worse</i>' in bodies(app)


def test_fine_tuning_says_for_how_long_and_what_was_kept(shipped: Path) -> None:
    made = table("appendix", {"0/fine-tuned": accuracies(2, 90)})
    epochs = tuple(
        Epoch(epoch=place, epochs=3, loss=0.5, accuracy=reached) for place, reached in enumerate((90, 91, 91), 1)
    )
    new = [
        cell.model_copy(update={"draws": (cell.draws[0].model_copy(update={"epochs": epochs}),)})
        if cell.draws
        else cell
        for cell in made.cells
    ]
    put(shipped, made.model_copy(update={"cells": tuple(new)}))
    assert "3 epochs of fine-tuning; kept: epoch 2, best on calibration images of the other classes." in cells(
        opened(PAGE)
    )


def test_a_cell_opens_exactly_its_request_in_forget(shipped: Path) -> None:
    values = {"orthogonal/0.05/floor": accuracies(0.4, 85)}
    made = table("table-3a", values, EMBEDDED)
    name = "fashion-mnist-resnet18-w16-orthogonal"
    draws = [draw.model_copy(update={"model": name}) for draw in made.measured[0].draws]
    new = [cell.model_copy(update={"draws": tuple(draws)}) if cell.draws else cell for cell in made.cells]
    put(shipped, made.model_copy(update={"cells": tuple(new)}))
    app = opened(PAGE)
    assert heading(app) == (
        "On Fashion-MNIST, ResNet-18, width 16, too little is measured to judge any of the paper's claims."
    )
    (link,) = set(re.findall(r'href="\./\?([^"]+)" target="_self">Open in Forget<', bodies(app)))
    view, problems = from_query(dict(parse_qsl(html.unescape(link))), zoo())
    assert (view.request, view.model, problems) == (draws[0].request, name, [])


def test_a_cell_that_was_not_run_opens_its_setting_where_its_network_is_there() -> None:
    app = opened(PAGE, paper_dataset="fashion-mnist", paper_width="16")
    links = re.findall(r'href="([^"]+)" target="_self">([^<]+)<', bodies(app))
    words = [word for _, word in links]
    assert words.count("Open this setting in Forget") > 50 and "Open Methods with SSD chosen" in words
    assert {urlsplit(html.unescape(address)).path for address, _ in links} == {"./", "./methods"}
    other = opened(PAGE, paper_dataset="cifar100")
    assert "Open Methods" not in bodies(other)


def test_on_the_plain_network_less_is_only_lower(shipped: Path) -> None:
    values = {"orthogonal/0.05/floor": accuracies(30, 90), "plain/0.05/floor": accuracies(23.8, 89.5)}
    put(shipped, table("table-3a", values))
    put(shipped, table("table-1", {"plain": accuracies(90, 93), "orthogonal": accuracies(99, 94)}))
    app = opened(PAGE)
    assert '<i class="neutral">lower by 19.5 points</i>' in bodies(app)
    assert '<i class="neutral">higher by 3.0 points</i>' in bodies(app)
    assert '<i class="worse">30.0 points worse</i>' in bodies(app) and 'class="better"' not in bodies(app)


def test_another_setting_is_chosen_and_its_reference_named() -> None:
    app = opened(PAGE)
    choose(app, EMBEDDED)
    assert heading(app) == "None of the paper's tables is measured on Fashion-MNIST, ResNet-18, width 16 yet."
    assert "Printed for CIFAR-10, ResNet-18, width 64: a reference here, no more." in text(app)
    assert {button.key for button in app.button} >= {"measure_table-3a", "measure_appendix", "measure_figure-1"}


def test_curves_of_another_network_are_a_reference() -> None:
    app = opened(PAGE)
    assert "a reference here" not in text(app)
    choose(app, Setting(dataset="cifar100", architecture="resnet50"))
    assert text(app).count("Printed for CIFAR-10, ResNet-18, width 64: a reference here, no more.") == 2


def test_a_class_that_there_is_not_is_refused() -> None:
    app = opened(PAGE, paper_forget_class="20")
    assert [error.value for error in app.error] == [
        "There is no class “20” in CIFAR-10: choose a number from 0 to 9."
    ]
    assert 'class="paper"' not in bodies(app)
    choose(app, EMBEDDED)
    assert not app.error and 'class="paper"' in bodies(app)


def test_heatmaps_say_which_images_are_forgotten(shipped: Path) -> None:
    """Four of the class, and one of every other class where there are few."""
    black = np.zeros((FORGOTTEN_IMAGES + 2, 8, 8), np.uint8)
    pictures = {"heat": Pictures.of(black), "image": Pictures.of(np.stack([black] * 3, axis=-1))}
    made = table("figure-3", {"after": {"drift": 0.6}})
    new = [
        cell.model_copy(
            update={"draws": tuple(draw.model_copy(update={"pictures": pictures}) for draw in cell.draws)}
        )
        for cell in made.cells
    ]
    put(shipped, made.model_copy(update={"cells": tuple(new)}))
    assert "The first 4 images are of automobile, the others of classes that are kept." in text(opened(PAGE))


def test_what_is_chosen_stands_in_the_link_and_a_reload_shows_it(shipped: Path) -> None:
    put(shipped, table("table-1", {"plain": accuracies(97, 93)}))
    app = opened(PAGE)
    assert view(app).paper is None and not [name for name in app.query_params if name.startswith("paper_")]
    choose(app, EMBEDDED)
    assert (view(app).paper, app.query_params["paper_dataset"]) == (EMBEDDED, "fashion-mnist")
    again = opened(PAGE, **dict(app.query_params))
    assert again.selectbox(key="paper_setting").value == EMBEDDED.name
    assert heading(again) == heading(app) and "Fashion-MNIST, ResNet-18, width 16" in heading(app)


def test_a_link_opens_a_setting_that_nobody_has_measured() -> None:
    app = opened(PAGE, paper_width="8", paper_forget_class="3", paper_read_at="fc")
    assert heading(app) == (
        "None of the paper's tables is measured on CIFAR-10, ResNet-18, width 8, forgetting class 3 yet."
    )
    (problem,) = app.warning
    assert "choose conv, bn or relu. The default is used instead." in problem.value
    assert app.selectbox(key="paper_setting").value == Setting(width=8, forget_class=3).name


def test_a_setting_that_is_not_offered_is_refused() -> None:
    app = opened(PAGE)
    send(app, "paper_setting", "cifar11")
    assert "There is no setting “cifar11”. Choose one of: cifar10-resnet18-w64," in app.warning[0].value
    assert view(app).paper is None
    assert heading(app).startswith("None of the paper's tables is measured on CIFAR-10, ResNet-18, width 64")


def test_a_damaged_table_is_named_and_the_others_stay(shipped: Path) -> None:
    put(shipped, table("table-1", {"plain": accuracies(97, 93), "orthogonal": accuracies(96, 93)}))
    (shipped / "table-2-x.json").write_text("{")
    app = opened(PAGE)
    assert any("table-2-x.json is damaged" in warning.value.replace("\\", "") for warning in app.warning)
    assert "what Table 1 claims holds" in heading(app)


def test_words_from_a_file_cannot_become_markup(shipped: Path) -> None:
    made = table("table-3b", {"0.4/floor": accuracies(0, 90)})
    evil = "<script>alert(1)</script>"
    new = [cell.model_copy(update={"row": evil, "note": evil, "advice": evil}) for cell in made.cells]
    put(shipped, made.model_copy(update={"cells": tuple(new)}))
    assert "<script" not in bodies(opened(PAGE))


def test_the_shipped_tables_are_read_and_answered() -> None:
    from orthoui.paper.answers import answer
    from orthoui.settings import app_folder

    found = store.shelf([app_folder() / "docs" / "paper"])
    assert found.problems == ()
    for name, made in found.tables.items():
        assert answer(made).sentence, name
        for cell in made.measured:
            assert isinstance(made.setting, Setting) and cell.complete, (name, cell.id)

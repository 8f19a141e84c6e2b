"""Paths become splits and classes, whatever folders lie around them; the draws are seeded and keep apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthoui.data.imageset import Split
from orthoui.data.layout import Placed, arrange
from orthoui.data.splitting import Drawn, calibration_count, draw
from orthoui.errors import DatasetError


def placed(*paths: str) -> set[tuple[str, str, bool | None]]:
    return {(picture.path, picture.label, picture.test) for picture in arrange(paths)[0]}


@pytest.mark.parametrize("top", ["", "pets/", "data/pets/"])
@pytest.mark.parametrize("test", ["test", "val", "validation"])
def test_train_and_test_folders_are_found_under_any_top(top: str, test: str) -> None:
    paths = [f"{top}train/cat/1.png", f"{top}train/dog/2.png", f"{top}{test}/cat/3.png"]
    assert placed(*paths) == {(paths[0], "cat", False), (paths[1], "dog", False), (paths[2], "cat", True)}


@pytest.mark.parametrize("top", ["", "pets/", "train/"])
def test_class_folders_alone_have_no_split(top: str) -> None:
    assert placed(f"{top}cat/1.png", f"{top}dog/2.png") == {
        (f"{top}cat/1.png", "cat", None),
        (f"{top}dog/2.png", "dog", None),
    }


def test_classes_may_be_called_train_and_test() -> None:
    found = placed("train/1.png", "test/2.png", "bus/3.png")
    assert {(label, test) for _, label, test in found} == {("train", None), ("test", None), ("bus", None)}


def test_pictures_outside_the_class_folders_are_left_out_by_name() -> None:
    paths = ["p/cover.png", "p/train/x.png", "p/train/cat/1.png", "p/train/cat/old/2.png", "p/test/cat/3.png"]
    paths += ["p/extra/cat/4.png", "p/val/cat/5.png"]
    pictures, left_out = arrange(paths)
    assert [picture.path for picture in pictures] == ["p/train/cat/1.png", "p/test/cat/3.png"]
    assert left_out == {
        "p/cover.png": "not in train or test",
        "p/train/x.png": "not directly in a class folder",
        "p/train/cat/old/2.png": "not directly in a class folder",
        "p/extra/cat/4.png": "not in train or test",
        "p/val/cat/5.png": "not in train or test",
    }
    assert arrange(["1.png", "cat/2.png", "dog/3.png"])[1] == {"1.png": "not directly in a class folder"}


def test_nothing_is_arranged_as_nothing() -> None:
    assert arrange([]) == ([], {})


def pictures(counts: dict[str, int], test: bool | None) -> list[Placed]:
    return [
        Placed(number, f"{test}/{label}/{number:04d}", label, test)
        for label, count in counts.items()
        for number in range(count)
    ]


@given(st.integers(10, 400), st.integers(10, 60), st.integers(0, 3))
def test_a_data_set_without_split_gets_one_that_keeps_every_image_apart(many: int, few: int, seed: int) -> None:
    everything = pictures({"a": many, "b": few}, None)
    drawn = draw(everything, "pets", seed)
    assert drawn == draw(list(reversed(everything)), "pets", seed)
    assert drawn.test_drawn and drawn.classes == ("a", "b")
    for label, count in enumerate((many, few)):
        parts = {split: [picture.row for picture in drawn.splits[split][label]] for split in drawn.splits}
        assert sorted(row for rows in parts.values() for row in rows) == list(range(count))
        assert len(parts["test"]) == round(0.2 * count)
        assert len(parts["calibration"]) == calibration_count(count - len(parts["test"])) > 0
        assert all(rows == sorted(rows) for rows in parts.values())
    assert many < 50 or draw(everything, "pets", seed + 1) != drawn


def in_split(drawn: Drawn, split: Split) -> set[str]:
    return {picture.path for part in drawn.splits[split] for picture in part}


@pytest.mark.parametrize("count", [10, 30, 100])
@pytest.mark.parametrize("label", ["a", "b", "c"])
def test_an_image_more_or_less_brings_no_training_image_into_the_test_split(count: int, label: str) -> None:
    before = draw(pictures(dict.fromkeys("abc", count + 1), None), "pets")
    after = draw([picture for picture in pictures(dict.fromkeys("abc", count + 1), None)
                  if picture.path != f"None/{label}/0007"], "pets")  # fmt: skip
    for old, new in ((before, after), (after, before)):
        assert not in_split(new, "test") & in_split(old, "train")
        assert len(in_split(new, "test") - in_split(old, "test")) <= 1
        assert len(in_split(new, "calibration") - in_split(old, "calibration")) <= 2
    for place, other in enumerate("abc"):
        if other != label:
            assert all(before.splits[split][place] == after.splits[split][place] for split in before.splits)


def test_the_place_of_an_image_does_not_depend_on_the_folder_around_it() -> None:
    paths = [f"{label}/{number}.png" for label in "ab" for number in range(40)]
    loose, packed = (draw(arrange([top + path for path in paths])[0], "pets") for top in ("", "pets/"))
    assert in_split(packed, "test") == {f"pets/{path}" for path in in_split(loose, "test")}


def test_sets_with_test_images_of_their_own_are_drawn_as_shipped_models_know_them() -> None:
    drawn = draw(pictures({"a": 60, "b": 40}, False) + pictures({"a": 3, "b": 1}, True), "pets")
    rows = [[picture.row for picture in part] for part in drawn.splits["calibration"]]
    assert rows == [[3, 19, 44, 47, 49], [3, 4, 7, 10, 32]]
    drawn = draw(pictures({"a": 5000, "b": 500}, False) + pictures({"a": 3, "b": 1}, True), "pets")
    assert [sum(picture.row for picture in part) for part in drawn.splits["calibration"]] == [519688, 5935]


def test_a_split_of_its_own_is_kept_and_calibration_comes_from_train() -> None:
    everything = pictures({"a": 5000, "b": 10}, False) + pictures({"a": 3, "b": 1}, True)
    drawn = draw(everything, "pets")
    counts = {split: [len(part) for part in parts] for split, parts in drawn.splits.items()}
    assert counts == {"train": [4800, 8], "calibration": [200, 2], "test": [3, 1]}
    assert not drawn.test_drawn
    assert all(picture.test for part in drawn.splits["test"] for picture in part)


@pytest.mark.parametrize(
    ("training", "expected"), [(5000, 200), (500, 20), (250, 10), (100, 5), (20, 4), (10, 2), (8, 1), (60_000, 200)]
)
def test_calibration_takes_four_percent_within_bounds(training: int, expected: int) -> None:
    assert calibration_count(training) == expected


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        ({}, None, "pets holds no usable picture in a class folder; at least two classes are needed."),
        ({"a": 20}, None, "pets holds only the class a; at least two classes are needed."),
        ({"a": 20, "b": 9}, None, "pets has too few usable training images of b (9); every class needs at least 10."),
        ({"a": 20, "b": 20}, {"a": 1}, "classes that are only in train or only in test: b."),
        ({"a": 20, "b": 20}, {"a": 1, "b": 1, "c": 2}, "classes that are only in train or only in test: c."),
        ({f"c{n}": 1 for n in range(8)}, None, "c0 (1), c1 (1), c2 (1), c3 (1), c4 (1) and 3 more classes"),
    ],
)
def test_too_little_is_refused_in_words(train: dict[str, int], test: dict[str, int] | None, words: str) -> None:
    everything = pictures(train, None) if test is None else pictures(train, False) + pictures(test, True)
    with pytest.raises(DatasetError) as raised:
        draw(everything, "pets")
    assert words in str(raised.value)

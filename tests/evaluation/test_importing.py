"""Importing a model: weights of one's own come in under another name and answer exactly as they did."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from orthoui.data import DATASETS, Dataset, catalog
from orthoui.errors import CheckpointError, DatasetError, RequestError, UnknownNameError
from orthoui.evaluation import importing
from orthoui.evaluation.importing import ImportRequest, default_name, import_model
from orthoui.models.checkpoints import load_checkpoint
from orthoui.models.kinship import UNKNOWN_TRAINING
from orthoui.models.zoo import zoo
from tests.tiny import MEAN, STD, make_uneven, random_network, same_tensors, state_of, tiny_model

ASKED = ImportRequest(architecture="resnet18", dataset="tiny", mean=MEAN, std=STD)


@pytest.fixture(autouse=True)
def tiny(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tiny data set under its name."""
    monkeypatch.setitem(DATASETS._entries, "tiny", lambda: data)
    catalog._load.cache_clear()
    yield
    catalog._load.cache_clear()


def saved(network: nn.Module, file: Path) -> Path:
    """Write a network as a training program would."""
    tensors = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"epoch": 9, "state_dict": tensors}, file)
    return file


def test_an_imported_model_is_one_of_the_zoo(tmp_path: Path, home: Path) -> None:
    theirs = tiny_model()
    told: list[str] = []
    done = import_model(
        saved(theirs.network, tmp_path / "best run.pth"), ASKED, report=lambda doing, share: told.append(doing)
    )
    assert done.path == home / "models" / "tiny-resnet18-best-run.safetensors"
    network, card = load_checkpoint(done.path)
    assert card == done.card and same_tensors(network, state_of(theirs.network))
    assert (card.origin, card.width, card.title) == ("imported", 4, "ResNet-18, width 4, imported")
    assert (card.dataset, card.input_size, card.resized, card.mean, card.std) == ("tiny", 20, False, MEAN, STD)
    assert card.accuracy["test"] > 90 and set(card.accuracy) == {"train", "calibration", "test"}
    assert card.recipe["imported_from"] == "best run.pth" and len(card.filter_cosine) == 20
    assert done.notices == (UNKNOWN_TRAINING,)
    entries = {entry.name: entry.origin for entry in zoo().entries()}
    assert entries["tiny-resnet18-best-run"] == "imported"
    assert entries["fashion-mnist-resnet18-w16-plain"] == "shipped"
    assert zoo().forgettable("tiny-resnet18-best-run").data().name == "tiny"
    assert "Measuring on the test images" in told


def test_normalisation_is_measured_unless_it_is_given(tmp_path: Path) -> None:
    file = saved(random_network(), tmp_path / "a.pt")
    card = import_model(file, ImportRequest(architecture="resnet18", dataset="tiny")).card
    assert len(card.mean) == len(card.std) == 1 and card.mean != MEAN


def test_a_model_that_guesses_is_doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BARELY", 4.1)
    done = import_model(saved(random_network(), tmp_path / "a.pt"), ASKED)
    assert len(done.notices) == 2 and "about as many as by guessing" in done.notices[1]


def test_another_input_size_resizes_the_images(tmp_path: Path) -> None:
    file = saved(random_network(), tmp_path / "a.pt")
    done = import_model(file, ASKED.model_copy(update={"input_size": 32}))
    assert (done.card.input_size, done.card.resized) == (32, True)
    model = zoo().get(done.path.stem)
    images = model.data()["test"].images[:2]
    framed = model.framed(images)
    assert framed.shape == (2, 1, 32, 32) and framed.dtype == torch.uint8
    assert abs(float(framed.float().mean()) - float(images.float().mean())) < 1
    assert model.prepare(images).shape == (2, 3, 32, 32)


def test_a_timm_network_is_imported(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    network = timm.create_model("test_resnet", num_classes=4)
    make_uneven(network)
    asked = ASKED.model_copy(update={"architecture": "timm:test_resnet", "input_size": 32})
    done = import_model(saved(network, tmp_path / "a.pt"), asked)
    assert done.path.stem == "tiny-timm-test_resnet-a"
    assert same_tensors(zoo().get(done.path.stem).network, state_of(network))
    assert len(done.card.accuracy) == 3


def test_known_images_that_are_not_here_leave_accuracy_open(tmp_path: Path) -> None:
    file = saved(random_network(classes=10), tmp_path / "a.pt")
    done = import_model(file, ImportRequest(architecture="resnet18", dataset="cifar10"))
    assert done.card.accuracy == {} and done.card.images_digest == ""
    assert done.card.classes[9] == "truck" and done.card.mean == (0.4914, 0.4822, 0.4465)
    with pytest.raises(
        DatasetError, match=r"images of CIFAR-10 are not on this machine.*orthoui datasets get cifar10"
    ):
        zoo().get(done.path.stem).data()
    with pytest.raises(DatasetError, match="images of TinyImageNet are not on this machine"):
        import_model(file, ImportRequest(architecture="resnet18", dataset="tinyimagenet"), name="b")
    with pytest.raises(UnknownNameError, match="There is no data set “pets”"):
        import_model(file, ImportRequest(architecture="resnet18", dataset="pets"), name="b")


def test_a_model_whose_own_images_are_gone_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = import_model(saved(random_network(), tmp_path / "a.pt"), ASKED)
    model = zoo().get(done.path.stem)
    monkeypatch.delitem(DATASETS._entries, "tiny")
    catalog._load.cache_clear()
    with pytest.raises(DatasetError) as raised:
        model.data()
    assert "was trained on the data set “tiny”, whose images are not on this machine. Put them into" in str(
        raised.value
    )
    assert "tiny.tar.zst" in str(raised.value)


def test_a_name_that_is_taken_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    file = saved(random_network(), tmp_path / "a.pt")
    first = import_model(file, ASKED, name="mine")
    other = saved(random_network(seed=1), tmp_path / "b.pt")
    with pytest.raises(RequestError, match="There is already a model mine"):
        import_model(other, ASKED, name="mine")
    with pytest.raises(RequestError, match="There is already a model fashion-mnist-resnet18-w16-plain"):
        import_model(other, ASKED, name="fashion-mnist-resnet18-w16-plain")
    again = import_model(other, ASKED, name="mine.safetensors", replace=True)
    assert again.path == first.path
    assert same_tensors(load_checkpoint(again.path)[0], state_of(random_network(seed=1)))
    with pytest.raises(RequestError, match=r"“\.\./x” cannot be a model's name"):
        import_model(other, ASKED, name="../x")


@pytest.mark.parametrize(
    ("stem", "expected"),
    [("a b/c", "tiny-resnet18-c"), ("größe (1)", "tiny-resnet18-gr-e-1"), ("x", "tiny-resnet18-x")],
)
def test_names_are_made_of_plain_characters(stem: str, expected: str) -> None:
    assert default_name(Path(f"{stem}.pt"), ASKED) == expected


def test_what_does_not_fit_leaves_nothing(tmp_path: Path, home: Path) -> None:
    with pytest.raises(CheckpointError, match=r"it tells 7 classes apart and the data set has 4"):
        import_model(saved(random_network(classes=7), tmp_path / "a.pt"), ASKED)
    broken = random_network()
    broken.get_submodule("conv1").weight.fill_(float("nan"))  # type: ignore[operator, union-attr]
    with pytest.raises(CheckpointError, match=r"b\.pt holds weights that are not finite numbers"):
        import_model(saved(broken, tmp_path / "b.pt"), ASKED)
    with pytest.raises(UnknownNameError, match="There is no architecture “vgg99”"):
        import_model(tmp_path / "b.pt", ASKED.model_copy(update={"architecture": "vgg99"}))
    with pytest.raises(
        RequestError, match=r"VGG-16, width 4, imported cannot be run on images of 20×20.*--input-size"
    ):
        vgg = saved(random_network("vgg16"), tmp_path / "c.pt")
        import_model(vgg, ASKED.model_copy(update={"architecture": "vgg16"}))
    assert not (home / "models").exists()


def test_a_full_disk_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(importing, "save_checkpoint", full)
    with pytest.raises(OSError, match="No space left"):
        import_model(saved(random_network(), tmp_path / "a.pt"), ASKED)

"""What layers are called."""

from orthoui.models.trained import TrainedModel
from orthoui.ui.layers import layer_entry, layer_words


def test_a_layer_is_named_by_its_place(model: TrainedModel) -> None:
    anatomy = model.anatomy
    first, later = anatomy.layers[0], anatomy["layer2.0.conv2"]
    assert layer_words(anatomy, first) == "the first layer"
    assert layer_entry(anatomy, first) == "First layer"
    place = [layer for layer in anatomy.layers if layer.stage == later.stage].index(later) + 1
    assert layer_words(anatomy, later) == f"layer {place} of stage {later.stage}"
    assert layer_entry(anatomy, later) == f"Layer {place} of stage {later.stage}"


def test_every_layer_has_a_name_of_its_own(model: TrainedModel) -> None:
    names = [layer_entry(model.anatomy, layer) for layer in model.anatomy.layers]
    assert len(set(names)) == len(names)

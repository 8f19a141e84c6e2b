"""What a layer is called: its own name is for links and code, these words are for people."""

from orthoui.models.anatomy import Anatomy, ConvLayer


def layer_words(anatomy: Anatomy, layer: ConvLayer) -> str:
    """Return a layer's name inside a sentence, e.g. “layer 2 of stage 4”."""
    if layer == anatomy.layers[0]:
        return "the first layer"
    peers = [part for part in anatomy.layers if part.stage == layer.stage]
    return f"layer {peers.index(layer) + 1} of stage {layer.stage}"


def layer_entry(anatomy: Anatomy, layer: ConvLayer) -> str:
    """Return a layer's name as an entry of a selector, e.g. “Layer 2 of stage 4”."""
    words = layer_words(anatomy, layer).removeprefix("the ")
    return f"{words[0].upper()}{words[1:]}"

"""Layer similarity: linear CKA between what two networks make of the same images."""

import torch
from torch import Tensor, nn

from orthoui.data import ImageSet
from orthoui.forgetting.activations import read_point
from orthoui.models.anatomy import hooked
from orthoui.models.sharing import sharing_copy
from orthoui.models.trained import TrainedModel

IMAGES = 256
"""Images compared at most: the similarity of Gram matrices of that size."""
MOST_LAYERS = 10


def linear_cka(one: Tensor, other: Tensor) -> float:
    """Return the linear CKA of two representations (n, a) and (n, b) of the same n images, 0 … 1.

    Kornblith et al., ICML 2019 (arXiv 1905.00414): ‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F) with centred columns, by Gram
    matrices. Invariant to rotation and to one common scale, not to scaling single channels. NaN where one of them
    does not vary.
    """
    first, second = (_centred_gram(part) for part in (one, other))
    norms = float(first.norm() * second.norm())
    return float((first * second).sum()) / norms if norms > 0 else float("nan")


def _centred_gram(features: Tensor) -> Tensor:
    features = features.flatten(1).double()
    features = features - features.mean(0)
    return features @ features.T


def compared_layers(model: TrainedModel, most: int = MOST_LAYERS) -> tuple[str, ...]:
    """Return the layers that are compared: evenly spread over the network, the first and the last among them."""
    names = model.anatomy.names
    if len(names) <= most:
        return names
    return tuple(names[round(place * (len(names) - 1) / (most - 1))] for place in range(most))


@torch.inference_mode()
def layer_similarity(
    one: nn.Module, other: nn.Module, model: TrainedModel, images: ImageSet, count: int = IMAGES
) -> dict[str, float]:
    """Return linear CKA by layer, read behind the batch norm, on the first ``count`` of ``images``.

    Both networks have the modules of ``model``'s. Their hooks live on copies.
    """
    points = {layer: read_point(model.anatomy[layer], "bn") for layer in compared_layers(model)}
    inputs = model.prepare(images.images[:count])
    first, second = (_outputs(network, points, inputs) for network in (one, other))
    return {layer: linear_cka(first[layer], second[layer]) for layer in points}


def _outputs(network: nn.Module, points: dict[str, str], inputs: Tensor) -> dict[str, Tensor]:
    kept: dict[str, Tensor] = {}

    def keeper(layer: str) -> object:
        def keep(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
            kept[layer] = output.flatten(1).float().cpu().clone()

        return keep

    copy = sharing_copy(network).eval()
    with hooked(copy, {point: keeper(layer) for layer, point in points.items()}):
        copy(inputs)
    return kept

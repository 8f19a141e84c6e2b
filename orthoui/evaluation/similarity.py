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
    """Return the layers that are compared, in order of execution.

    At most ``most`` convolutions, evenly spread from the first to the last, and the linear layer that makes the
    logits, if there is one.
    """
    names, head = model.anatomy.names, model.anatomy.head
    if len(names) > most:
        names = tuple(names[round(place * (len(names) - 1) / (most - 1))] for place in range(most))
    return names if head is None else (*names, head)


def compared_images(images: ImageSet, count: int = IMAGES) -> Tensor:
    """Return the positions of at most ``count`` images, int64 (n,): every class in proportion, always the same ones.

    Images may lie class by class, so that the first ones would be of one class only.
    """
    by_class = images.labels.argsort(stable=True)
    n = min(count, len(images))
    return by_class[torch.arange(n) * len(images) // max(1, n)]


@torch.inference_mode()
def layer_similarity(
    one: nn.Module, other: nn.Module, model: TrainedModel, images: ImageSet, count: int = IMAGES
) -> dict[str, float]:
    """Return linear CKA by layer, read behind the batch norm, on at most ``count`` of ``images``, of every class.

    Both networks have the convolutions of ``model``'s; the head is left out where one has another. Their hooks live
    on copies.
    """
    points = {
        layer: _point(model, layer)
        for layer in compared_layers(model)
        if layer != model.anatomy.head or all(layer in dict(network.named_modules()) for network in (one, other))
    }
    inputs = model.prepare(images.images[compared_images(images, count)])
    first, second = (_outputs(network, points, inputs) for network in (one, other))
    return {layer: linear_cka(first[layer], second[layer]) for layer in points}


def _point(model: TrainedModel, layer: str) -> str:
    return layer if layer == model.anatomy.head else read_point(model.anatomy[layer], "bn")


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

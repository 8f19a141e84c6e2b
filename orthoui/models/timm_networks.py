"""Networks of the timm library by name, written ``timm:NAME``: an extra, and only convolutional ones."""

import torch
from torch import nn

from orthoui.errors import RequestError, UnknownNameError

PREFIX = "timm:"
LEAST_SHARE = 0.5
"""Share of a network's weights that must lie in convolutions, the classifier left out."""
MOST_SIMILAR = 8


def is_timm(architecture: str) -> bool:
    """Whether an architecture is one of timm's."""
    return architecture.startswith(PREFIX)


def timm_network(architecture: str, classes: int) -> nn.Module:
    """Build ``timm:NAME`` with random weights; nothing is downloaded.

    Raises ``RequestError`` where timm is not installed and for networks that are not made of convolutions,
    ``UnknownNameError`` for a name that timm does not know.
    """
    try:
        import timm
    except ImportError as error:
        raise RequestError(
            f"{architecture} needs the library timm, which is not installed. Install it with "
            "“pip install 'orthoui[timm]'”, or in this checkout with “.venv/bin/pip install timm”."
        ) from error
    name = architecture.removeprefix(PREFIX)
    if not timm.is_model(name):
        similar = timm.list_models(f"*{name[:6]}*")[:MOST_SIMILAR] or ["resnet18", "mobilenetv3_small_100"]
        raise UnknownNameError("timm model", name, similar)
    network: nn.Module = timm.create_model(name, pretrained=False, num_classes=classes)
    check_convolutional(network, architecture)
    return network


def check_convolutional(network: nn.Module, title: str) -> None:
    """Raise ``RequestError`` unless most weights lie in convolutions whose output follows their filters' scale.

    Forgetting scales filters: in a network of attention there is nothing to scale, and a convolution that
    normalises its weights undoes the scaling.
    """
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    inside = sum(module.weight.numel() for module in convolutions)
    linear = [module.weight.numel() for module in network.modules() if isinstance(module, nn.Linear)]
    others = sum(linear[:-1])  # the last one is the classifier
    if inside < LEAST_SHARE * (inside + others) or not convolutions:
        share = 100 * inside / max(1, inside + others)
        raise RequestError(
            f"{title} is not a convolutional network: {share:.0f} % of its weights are in convolutions, and OrthoUI "
            "forgets by scaling their filters. Choose a ResNet, VGG, MobileNet, EfficientNet, DenseNet or the like."
        )
    kinds = {type(module): module for module in convolutions}
    fixed = [kind.__name__ for kind, module in kinds.items() if not _follows_scale(module)]
    if fixed:
        raise RequestError(
            f"{title} normalises its filters in every pass ({', '.join(fixed)}), so that scaling them changes "
            "nothing. Choose a network with plain convolutions."
        )


@torch.no_grad()
def _follows_scale(convolution: nn.Conv2d) -> bool:
    """Whether a convolution's output doubles with its weights."""
    generator = torch.Generator().manual_seed(0)
    reach = zip(convolution.kernel_size, convolution.dilation, strict=True)
    side = max(8, *(int(size) * int(step) for size, step in reach))
    images = torch.randn(1, convolution.in_channels, side, side, generator=generator)
    weight = torch.randn(convolution.weight.shape, generator=generator)
    first, second = (
        torch.func.functional_call(convolution, {"weight": factor * weight}, images) for factor in (1.0, 2.0)
    )
    if convolution.bias is not None:
        bias = convolution.bias.view(1, -1, 1, 1)
        first, second = first - bias, second - bias
    return bool(torch.allclose(2 * first, second, rtol=1e-3, atol=1e-3))

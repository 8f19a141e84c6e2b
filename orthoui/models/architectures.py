"""Networks for small images: torchvision's, with a 3×3 stem, no early pooling, and any width."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.models.vgg import cfgs as vgg_plans
from torchvision.models.vgg import make_layers

from orthoui.models.ensemble import MeanOf, members_in
from orthoui.models.pointwise import mend_strided_pointwise
from orthoui.models.timm_networks import is_timm, timm_network
from orthoui.registry import Registry

PAPER_WIDTH = 64


class Architecture(Protocol):
    """Builds an untrained network of three input channels from a number of classes and a width."""

    def __call__(self, classes: int, width: int) -> nn.Module:
        """Build the network."""
        ...


ARCHITECTURES: Registry[Architecture] = Registry("architecture")
architecture = ARCHITECTURES.add


def build(name: str, classes: int, width: int) -> nn.Module:
    """Return an untrained network: one of ``ARCHITECTURES``, or ``timm:NAME``, which has a width of its own.

    ``mean-of-N:NAME`` is N networks of that name whose posteriors are averaged.
    Raises ``UnknownNameError``, and ``RequestError`` for a timm network that cannot be used. Ours take no memory
    inside ``torch.device("meta")``; timm's are always built whole, because some keep tensors that no file holds.
    """
    several = members_in(name)
    if several is not None:
        count, member = several
        return MeanOf([build(member, classes, width) for _ in range(count)])
    if is_timm(name):
        with torch.device("cpu"):
            network = timm_network(name, classes)
        mend_strided_pointwise(network)
        return network
    return ARCHITECTURES[name](classes=classes, width=width)


class SmallImageResNet(ResNet):  # type: ignore[misc]  # torchvision ships no types
    """Torchvision's ResNet with a 3×3 stride-1 stem, no max-pooling, and ``width`` channels in the first stage."""

    def __init__(self, block: type[nn.Module], depths: list[int], classes: int, width: int) -> None:
        self.width = width
        super().__init__(block, depths, num_classes=classes)
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.Identity()
        self.fc = nn.Linear(self.inplanes, classes)
        mend_strided_pointwise(self)

    def _make_layer(self, block: type[nn.Module], planes: int, *args: Any, **kwargs: Any) -> nn.Module:
        if planes == PAPER_WIDTH:  # the first stage starts from the stem, which torchvision fixes at 64
            self.inplanes = self.width
        made: nn.Module = super()._make_layer(block, planes * self.width // PAPER_WIDTH, *args, **kwargs)
        return made


class SmallImageVGG(nn.Module):
    """Torchvision's VGG features for 32×32 images or larger, averaged over space, and one linear layer."""

    def __init__(self, plan: str, classes: int, width: int, *, batch_norm: bool) -> None:
        super().__init__()
        channels = [item if isinstance(item, str) else item * width // PAPER_WIDTH for item in vgg_plans[plan]]
        self.features = make_layers(channels, batch_norm=batch_norm)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(512 * width // PAPER_WIDTH, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to logits (N, classes)."""
        logits: Tensor = self.classifier(self.pool(self.features(images)).flatten(1))
        return logits


@architecture("resnet18")
def resnet18(classes: int, width: int = PAPER_WIDTH) -> nn.Module:
    """ResNet-18."""
    return SmallImageResNet(BasicBlock, [2, 2, 2, 2], classes, width)


@architecture("resnet50")
def resnet50(classes: int, width: int = PAPER_WIDTH) -> nn.Module:
    """ResNet-50."""
    return SmallImageResNet(Bottleneck, [3, 4, 6, 3], classes, width)


@architecture("vgg16")
def vgg16(classes: int, width: int = PAPER_WIDTH) -> nn.Module:
    """VGG-16 without normalisation, as first published."""
    return SmallImageVGG("D", classes, width, batch_norm=False)


@architecture("vgg16_bn")
def vgg16_bn(classes: int, width: int = PAPER_WIDTH) -> nn.Module:
    """VGG-16 with batch normalisation behind every convolution."""
    return SmallImageVGG("D", classes, width, batch_norm=True)


TITLES = {"resnet18": "ResNet-18", "resnet50": "ResNet-50", "vgg16": "VGG-16", "vgg16_bn": "VGG-16 (batch norm)"}

__all__ = ["ARCHITECTURES", "PAPER_WIDTH", "TITLES", "Architecture", "architecture", "build"]

"""The public data sets that OrthoUI knows by name: their classes, and where they can be had."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Remote:
    """One file on a server, with its checksum."""

    url: str
    md5: str
    size: int
    """Bytes; what is shown before the server has said it."""

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.url.rsplit("/", 1)[1]


@dataclass(frozen=True)
class Known:
    """A public data set. ``mean`` and ``std`` are those of its training pixels, in units of full brightness."""

    title: str
    side: int
    remote: Remote
    classes: tuple[str, ...]
    """Empty where they are only known from the files."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster
man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck
pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger
tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
CIFAR100 = tuple(_CIFAR100.split())

# The binary versions of CIFAR and not torchvision's: those are pickles. Checksums as the authors' page gives them.
KNOWN = {
    "cifar10": Known(
        title="CIFAR-10",
        side=32,
        remote=Remote(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "c32a1d4ab5d03f1284b67883e8d87530",
            170_052_171,
        ),
        classes=CIFAR10,
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    ),
    "cifar100": Known(
        title="CIFAR-100",
        side=32,
        remote=Remote(
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            "03b5dce01913d631647c71ecec9e9cb8",
            168_513_733,
        ),
        classes=CIFAR100,
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
    ),
    "tinyimagenet": Known(
        title="TinyImageNet",
        side=64,
        remote=Remote(
            "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
            "90528d7ca1a48142e341f4ef8d21d0de",
            248_100_043,
        ),
        classes=(),
        mean=(0.4802, 0.4481, 0.3975),
        std=(0.2770, 0.2691, 0.2821),
    ),
}

"""How much is measured: a thorough run, and one that answers within 45 seconds on two idle cores."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Numbers of repeats and of images. Zero repeats leave a row out."""

    plans: int
    """Plans made and applied."""
    cold: int
    """Cold forgettings, each beside one bare forward pass."""
    evaluations: int
    """Passes over the test images, each beside one bare loop."""
    embedded_images: int
    """Test images for the embedded model."""
    full_width_images: int
    """Test images for the paper's width; 0 leaves that row out."""
    starts: int
    """Server starts with an empty home folder."""
    steps: int
    """Steps of the ratio slider; as many as the time allows."""
    hurried_steps: int
    """Steps taken while the one before is still being evaluated; 0 leaves that row out."""
    sessions: int
    """Browser sessions on one model of the paper's width; 0 leaves that row out."""
    training_blocks: int
    """Blocks of training steps for each figure of the training speed; 0 leaves those rows out. Retrain takes two."""
    prunings: int
    """Soft prunings beside the fastest other method, and beside Retrain; 0 leaves all rows of the methods out."""
    dampenings: int
    """Runs of SSD, each beside its two gradient passes alone."""
    method_steps: int
    """Steps of every method that trains, in a round, beside training itself."""
    method_rounds: int
    """Rounds of such steps through all methods."""
    jobs: int
    """Jobs queued for a warm worker."""
    cluster: bool
    """Whether to compare methods on a cluster and kill one of its workers."""
    batch: int = 128
    """Images per step of a method that trains, and of training beside it."""
    training_batch: int = 512
    """Images per step of the paper's network, as its shipped recipe has it."""
    width: int = 64
    """First-stage channels of the random network; 64 is the paper's."""
    seconds: float | None = None
    """Time for everything, imports included; None is without end."""


FULL = Sizes(
    plans=200,
    cold=15,
    evaluations=7,
    embedded_images=10_000,
    full_width_images=1_000,
    starts=3,
    steps=30,
    hurried_steps=10,
    sessions=10,
    training_blocks=5,
    prunings=15,
    dampenings=3,
    method_steps=10,
    method_rounds=3,
    jobs=5,
    cluster=True,
)

QUICK = Sizes(
    plans=30,
    cold=3,
    evaluations=3,
    embedded_images=2_000,
    full_width_images=0,
    starts=1,
    steps=6,
    hurried_steps=0,
    sessions=0,
    training_blocks=0,
    prunings=0,
    dampenings=0,
    method_steps=0,
    method_rounds=0,
    jobs=0,
    cluster=False,
    seconds=45,
)

"""The Train page in words: fields, presets, and the sentence that heads it."""

from orthoui.errors import shortened
from orthoui.models.architectures import TITLES
from orthoui.models.timm_networks import PREFIX, is_timm
from orthoui.training.beginning import steps_in_all
from orthoui.training.recipe import Recipe
from orthoui.wording import joined

FIELDS = {
    "orthogonality": "Orthogonality λ",
    "penalty": "Penalty",
    "ortho_layers": "Layers it acts on",
    "gradient_restriction": "Gradient restriction α",
    "width": "Width",
    "epochs": "Epochs",
    "seed": "Seed",
    "batch_size": "Batch size",
    "learning_rate": "Learning rate",
    "muon": "Muon learning rate",
    "momentum": "Momentum",
    "weight_decay": "Weight decay",
    "label_smoothing": "Label smoothing",
    "crop_padding": "Random shift",
    "flip": "Mirror half of the images",
    "alternate": "In turns, not at random",
    "cutout": "Blanked square",
    "small_crop": "Small crops first",
    "small_share": "Share of small crops",
}
PENALTIES = {"gram": "Gram matrix (paper)", "srip": "Spectral (SRIP)", "ocnn": "Convolution (OCNN)"}
LAYERS = {"all": "All", "no_stem": "All but the first", "no_1x1": "All but 1×1"}
HELP = {
    "orthogonality": "Weight of the penalty that makes a layer's filters orthogonal; 0 trains a plain network.",
    "penalty": "What overlap is punished: the paper's measure, its spectral norm, or that of the whole convolution.",
    "gradient_restriction": "Keeps the gradient small while training, as the method IAU asks for; a step takes "
    "several times as long. Its published code has 0.005; 0 is ordinary training.",
    "epochs": "How often every training image is seen.",
    "muon": "Another way of taking steps, which needs fewer epochs; it does not make filters orthogonal. Try 0.05 "
    "with batches of 512; 0 is ordinary training (SGD).",
    "alternate": "Every image is mirrored in every other epoch: two epochs in a row show it both ways.",
    "cutout": "Side in pixels of a square that is blanked at a random place of every image; 0 blanks nothing.",
    "small_crop": "Side in pixels of the parts that are shown first, which saves time; 0 shows whole images only.",
    "width": "Channels of the first stage. The paper's is 64; 16 is enough to watch and takes a tenth of the time.",
}
LAMBDAS = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)


def architecture_words(name: str) -> str:
    """Return an architecture as a person reads it."""
    if is_timm(name):
        return f"{name.removeprefix(PREFIX)} (timm)"
    return TITLES.get(name, shortened(name))


def lambda_words(value: float) -> str:
    """Return λ with what it means."""
    return "0 (plain)" if value == 0 else f"{value:g}"


def preset_words(recipe: Recipe, title: str) -> str:
    """Return a shipped recipe as the list shows it."""
    return f"{title}, {architecture_words(recipe.architecture)}, width {recipe.width}"


def headline(recipe: Recipe, title: str, left_out: list[str]) -> str:
    """Say what would be trained, in one sentence."""
    kind = "an orthogonal" if recipe.orthogonality else "a plain"
    size = "" if is_timm(recipe.architecture) else f" of width {recipe.width}"
    epochs = "one epoch" if recipe.epochs == 1 else f"{recipe.epochs:,} epochs"
    without = f" without {joined(left_out)}" if left_out else ""
    return f"Train {kind} {architecture_words(recipe.architecture)}{size} on {title}{without}, {epochs}."


def amount_words(recipe: Recipe, images: int) -> str:
    """Say how much a training does with so many images an epoch, which are an estimate where classes are left out."""
    steps, about = steps_in_all(recipe, images), "About " if recipe.forgets else ""
    return f"{about}{images:,} images an epoch, {'one step' if steps == 1 else f'{steps:,} steps'} in all."

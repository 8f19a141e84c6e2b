"""How a model was trained, in a few words, as far as its card tells."""

from orthoui.models.card import ModelCard

LAYER_WORDS = {"no_stem": "all but the first layer", "no_1x1": "all but 1×1"}


def trained_words(card: ModelCard) -> str:
    """Return length and penalty of a training, of the latter what is unusual, e.g. “18 epochs, λ 0.001, SRIP”.

    Empty for imported models, as nobody knows how they were trained.
    """
    if card.origin == "imported":
        return ""
    epochs = card.recipe.get("epochs")
    parts = [] if epochs is None else ["one epoch" if epochs == 1 else f"{epochs} epochs"]
    return ", ".join([*parts, *(_penalty(card) if card.orthogonality else ["plain"])])


def _penalty(card: ModelCard) -> list[str]:
    """Return λ, and kind and layers of the penalty where they are not the paper's."""
    kind, layers = str(card.recipe.get("penalty", "gram")), str(card.recipe.get("ortho_layers", "all"))
    parts = [f"λ {card.orthogonality:g}"]
    parts += [kind.upper()] if kind != "gram" else []
    return parts + ([LAYER_WORDS.get(layers, layers)] if layers != "all" else [])

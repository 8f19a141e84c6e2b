"""How a model was trained, as its card tells it, folded beside the choice of the model."""

from statistics import fmean
from typing import Any

import streamlit as st

from orthoui.errors import shortened
from orthoui.models.card import ModelCard
from orthoui.models.kinship import PENALTY
from orthoui.training.told import trained_words
from orthoui.ui import session
from orthoui.ui.frame import literal
from orthoui.ui.jobs.words import duration
from orthoui.ui.train.words import FIELDS, LAYERS, PENALTIES
from orthoui.wording import joined

SPLITS = {"test": "test", "calibration": "calibration", "train": "training"}


def how_trained() -> None:
    """Offer what is known of the training of the view's model, folded."""
    with st.popover("How it was trained", icon=":material/model_training:", type="tertiary"):
        st.markdown("\n".join(f"* {literal(line)}" for line in training_lines(session.model().card)))


def training_lines(card: ModelCard) -> list[str]:
    """Return what a card says of a training, one sentence a line."""
    cosines, seconds = list(card.filter_cosine.values()), card.training_seconds
    lines = ["Imported: how it was trained is not known."]
    if card.origin == "trained":
        lines = [f"Trained by OrthoUI: {trained_words(card)}, seed {card.seed}.", *_recipe(card)]
        lines.append(f"Training time: {'not known' if seconds is None else duration(seconds)}.")
    lines.append(f"Right answers: {_accuracies(card)}.")
    overlap = f"{fmean(cosines):.3f}, the mean over {len(cosines)} layers" if cosines else "not measured"
    return [*lines, f"How much the filters of a layer overlap (mean absolute cosine; 0 is orthogonal): {overlap}."]


def _accuracies(card: ModelCard) -> str:
    known = [split for split in SPLITS if split in card.accuracy]
    found = [f"{card.accuracy[split]:.1f} % of the {SPLITS[split]} images" for split in known]
    return joined(found) if found else "not measured"


def _recipe(card: ModelCard) -> list[str]:
    """Return the rest of the recipe as one line; none where an older card does not tell it."""
    said = {"epochs", "orthogonality", "seed", *(() if card.orthogonality else PENALTY)}
    parts = [f"{FIELDS[name]} {_value(card.recipe[name])}" for name in FIELDS if name in card.recipe.keys() - said]
    return [f"Recipe: {', '.join(parts)}."] if parts else []


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    words = str(value)
    return PENALTIES.get(words) or LAYERS.get(words) or shortened(words)

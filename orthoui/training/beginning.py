"""What a training begins from before a person changes it, and how many steps it has in all."""

from orthoui.training.command import shipped_name, usual_recipe
from orthoui.training.recipe import Recipe

FEWEST_STEPS = 16
"""Steps of an epoch, below which the batch size of a set of one's own shrinks."""
SMALLEST_BATCH = 8
"""Images: batch norms learn little from fewer."""
FEW_STEPS = 100
"""Steps of a whole training, below which a network is hardly better than chance."""


def steps_in_epoch(images: int, batch_size: int) -> int:
    """Return the optimiser steps of one epoch; fewer images than a batch are one."""
    return max(1, images // batch_size)


def steps_in_all(recipe: Recipe, images: int) -> int:
    """Return the optimiser steps of a whole training with so many images an epoch."""
    return recipe.epochs * steps_in_epoch(images, recipe.batch_size)


def few_steps(steps: int) -> str | None:
    """Return a warning for a training of so few steps; None for one that is long enough."""
    if steps >= FEW_STEPS:
        return None
    counted = "One step" if steps == 1 else f"{steps} steps"
    return f"{counted} in all: so few hardly teach a network anything. Choose more epochs or a smaller batch size."


def beginning(dataset: str, architecture: str, images: int | None) -> Recipe:
    """Return the usual recipe of a data set with so many training ``images``, None where that is not known.

    A shipped recipe stays as it is; without one the batches of a small set are small enough for some steps an epoch.
    All images count, also those of classes left out, so that a retrained reference differs in nothing else.
    """
    usual = usual_recipe(dataset, architecture)
    if images is None or shipped_name(dataset, architecture):
        return usual
    return usual.model_copy(update={"batch_size": fitting_batch(images, usual.batch_size)})


def fitting_batch(images: int, most: int) -> int:
    """Return the largest power of two, or ``most``, that leaves an epoch ``FEWEST_STEPS`` steps.

    >>> fitting_batch(60, 128), fitting_batch(600, 128), fitting_batch(50_000, 128)
    (8, 32, 128)
    """
    fitting = images // FEWEST_STEPS
    if fitting >= most:
        return most
    return min(most, max(SMALLEST_BATCH, 1 << fitting.bit_length() >> 1))


def moved(recipe: Recipe, before: Recipe, after: Recipe) -> Recipe:
    """Return a recipe for other images or another architecture: what a person set stays, the rest follows.

    ``before`` and ``after`` are what trainings of the old and the new choice begin from.
    """
    left = [name for name in Recipe.model_fields if getattr(recipe, name) == getattr(before, name)]
    return recipe.model_copy(update={name: getattr(after, name) for name in left})

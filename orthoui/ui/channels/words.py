"""What the Channels page says: layers, findings and effects in sentences."""

from collections.abc import Sequence

import numpy as np

from orthoui.evaluation.channels import ChannelEffect, ChannelFacts, response_ratio
from orthoui.ui.channels.choice import FEW, Scene
from orthoui.ui.layers import layer_entry, layer_words
from orthoui.wording import joined

MOST_TIMES = 20
"""Ratios beyond this are not spelled out: the divisor is close to zero."""


def layer_option(scene: Scene, name: str) -> str:
    """Return a layer as an entry of the selector, with how many of its channels are scaled."""
    layer = scene.model.anatomy[name]
    part = scene.plan.layers.get(name)
    scaled = 0 if part is None else int((part.keep != 1).sum())
    tail = f"{scaled} of {layer.channels} scaled" if scaled else f"{layer.channels} channels"
    return f"{layer_entry(scene.model.anatomy, layer)} · {tail}"


def headline(scene: Scene) -> str:
    """Say in one sentence what happens in the layer and what its scaled channels have in common."""
    if scene.unlearned is not None:
        layer = layer_words(scene.model.anatomy, scene.layer)
        return f"What {scene.unlearned.method} did to {layer}: the same images before and after."
    where = f"In {layer_words(scene.model.anatomy, scene.layer)}"
    where += "," if where[-1].isdigit() else ""  # two numbers in a row would be read as one
    scaled = list(scene.factors)
    if not scaled:
        return f"{where} nothing is scaled down; {_elsewhere(scene)}."
    one = len(scaled) == 1
    silenced = all(keep == 0 for keep in scene.factors.values())
    deed = ("is " if one else "are ") + ("silenced" if silenced else "scaled down")
    return f"{where} {len(scaled)} of {scene.layer.channels} channels {deed}; {_response(scene, scaled)}."


def _elsewhere(scene: Scene) -> str:
    layers = [name for name, part in scene.plan.layers.items() if (part.keep != 1).any()]
    if not layers:
        return "this setting changes no channel at all"
    stages = sorted({scene.model.anatomy[name].stage for name in layers})
    word = "stage" if len(stages) == 1 else "stages"
    return f"this setting scales {scene.plan.touched_channels:,} channels in {word} {joined([*map(str, stages)])}"


def _response(scene: Scene, channels: Sequence[int]) -> str:
    classes = scene.view.request.classes
    names = joined([scene.data.classes[label] for label in classes])
    respond = "it responds" if len(channels) == 1 else "together they respond"
    ratio = response_ratio(scene.profile, classes, scene.layer.name, channels)
    if ratio is None:
        strong = scene.profile.means[scene.layer.name][np.ix_(classes, channels)].max() > 0
        return f"{respond} to {names} only" if strong else f"{respond} to no class"
    if ratio > MOST_TIMES:
        return f"{respond} more than {MOST_TIMES} times as strongly to {names} as to the others"
    if 0.95 <= ratio < 1.05:
        return f"{respond} about as strongly to {names} as to the others"
    return f"{respond} {ratio:.1f} times as strongly to {names} as to the others"


def order_words(scene: Scene, shown: int) -> str:
    """Say which channels the grid shows, and in which order."""
    total = scene.layer.channels
    if total <= FEW:
        return f"All {total} channels."
    count = f"All {total} channels" if shown == total else f"{shown} of {total} channels"
    first = "the scaled ones first, then " if scene.factors else ""
    return f"{count}: {first}those with the highest activation difference."


def channel_title(scene: Scene, facts: ChannelFacts) -> str:
    """Say what a channel responds to most and what is done with it."""
    order = np.argsort(-facts.responses, kind="stable")
    favourite = scene.data.classes[int(order[0])]
    return f"Channel {facts.channel} responds most to {favourite} and {fate(facts)}"


def fate(facts: ChannelFacts) -> str:
    """Say how much a channel keeps, and whether the plan or a person decided it."""
    if facts.by_hand:
        return {1.0: "is spared by hand", 0.0: "is silenced by hand"}.get(
            facts.keep, f"keeps {100 * facts.keep:.0f} % by hand"
        )
    return {1.0: "is left alone", 0.0: "is silenced by the plan"}.get(
        facts.keep, f"keeps {100 * facts.keep:.0f} % in the plan"
    )


def effect_title(facts: ChannelFacts, effect: ChannelEffect, classes: Sequence[str]) -> str:
    """Say what setting the channel does to the class it changes most."""
    wondering = not facts.by_hand and facts.planned_keep == 1
    action = {0.0: "Silencing it", 1.0: "Sparing it"}.get(effect.keep, f"Keeping {100 * effect.keep:.0f} % of it")
    told = zip(effect.changes, classes, effect.beyond_chance, strict=True)
    known = [(change, name, beyond) for change, name, beyond in told if change is not None]
    if not any(change for change, *_ in known):
        return f"{action} {'would leave' if wondering else 'leaves'} every class as it is"
    certain = [(change, name) for change, name, beyond in known if beyond]
    if not certain:
        return f"{action} {'would change' if wondering else 'changes'} no class by more than chance may"
    change, name = max(certain, key=lambda pair: abs(pair[0]))
    verbs = ("would cost", "would give") if wondering else ("costs", "gives")
    points = "point" if round(abs(change), 1) == 1 else "points"
    return f"{action} {verbs[change > 0]} {name} {abs(change):.1f} {points}"


def effect_subtitle(facts: ChannelFacts, effect: ChannelEffect) -> str:
    """Say what the effect is compared with and on how many images it was counted."""
    kept = f"keeping {100 * effect.baseline:.0f} % of it" if 0 < effect.baseline < 1 else "silencing it"
    compared = "leaving it alone" if effect.baseline == 1 else kept
    if facts.by_hand:
        compared += ", as the plan would" if effect.baseline < 1 else ", as the plan does"
    fewest, most = min(effect.counts), max(effect.counts)
    count = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
    step = f"; one image is {100 / most:.1f} points" if fewest == most and most else ""
    return f"compared with {compared}; {count} calibration images per class{step}"

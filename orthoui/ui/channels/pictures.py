"""Pictures of the Channels page that are plain HTML: they shrink with the page and carry their own words."""

from collections.abc import Sequence
from html import escape

from orthoui.evaluation.channels import FilterSlices, Maps
from orthoui.figures import Mode, data_uri, filter_png, single_map_png

COLUMNS = 4
"""Filter slices in a row."""


def map_pictures(maps: Sequence[tuple[str, Maps]], limits: tuple[float, float]) -> str:
    """Return labelled maps (h, w) side by side on one scale, as HTML."""
    figures = "".join(
        f'<figure><img src="{data_uri(single_map_png(values, limits))}" alt="Map of this channel: {escape(label)}">'
        f"<figcaption>{escape(label)}</figcaption></figure>"
        for label, values in maps
    )
    return f'<div class="channel-maps">{figures}</div>'


def filter_picture(slices: FilterSlices, mode: Mode) -> str:
    """Return a channel's filter as HTML, one square per input channel, with what is shown in words."""
    count, side = slices.weights.shape[0], slices.weights.shape[-1]
    shown = f"{count} of its {slices.total} input channels, the strongest" if count < slices.total else (
        f"all {count} input channels" if count > 1 else "one input channel"
    )  # fmt: skip
    words = f"Filter, {side} × {side}: {shown}. Purple is negative, ochre positive."
    source = data_uri(filter_png(slices.weights, mode, COLUMNS))
    return (
        f'<figure class="channel-filter"><img src="{source}" alt="{escape(words)}">'
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )

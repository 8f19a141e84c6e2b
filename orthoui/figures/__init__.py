"""Figures: plain values in, Plotly figures and pictures out; nothing is computed here.

Every figure carries what stands above it in ``layout.meta["head"]``, its alternative text in ``layout.meta["alt"]``,
and is shown with ``CONFIG``.
"""

from orthoui.figures.accuracy import per_class_accuracy
from orthoui.figures.channel import filter_png, response_bars, single_map_png
from orthoui.figures.curves import CurveLine, accuracy_curves
from orthoui.figures.difference import difference_bars
from orthoui.figures.flow import destinations
from orthoui.figures.grids import channel_grid, image_row
from orthoui.figures.histogram import difference_histogram
from orthoui.figures.kinds import AccuracySeries, Destination, DifferenceBins, LayerDifferences, Mode
from orthoui.figures.matrix import prediction_matrix
from orthoui.figures.methods import MethodPoint, PointKind, damage_grid, time_bars, trade_off
from orthoui.figures.montage import data_uri, overlay_heatmap, to_png
from orthoui.figures.similarity import SimilarityLine, similarity_lines
from orthoui.figures.strips import layer_histograms
from orthoui.figures.theme import CONFIG, PALETTES, Palette, palette, style
from orthoui.figures.training import EpochLine, epoch_lines
from orthoui.figures.words import probability_line

__all__ = [
    "CONFIG", "PALETTES",
    "AccuracySeries", "CurveLine", "Destination", "DifferenceBins", "EpochLine", "LayerDifferences",
    "MethodPoint", "Mode", "Palette", "PointKind", "SimilarityLine",
    "accuracy_curves", "channel_grid", "damage_grid", "data_uri", "destinations", "difference_bars",
    "difference_histogram", "epoch_lines",
    "filter_png", "image_row", "layer_histograms", "overlay_heatmap", "palette", "per_class_accuracy",
    "prediction_matrix", "probability_line", "response_bars", "similarity_lines",
    "single_map_png", "style", "time_bars", "to_png", "trade_off",
]  # fmt: skip

"""A person's own image on the Heatmaps page; it lives in this session only and is never remembered."""

from dataclasses import replace

import streamlit as st
import torch

from orthoui.data import ImageSet
from orthoui.data.uploads import SUFFIXES, light_ground, read_upload
from orthoui.evaluation.heatmaps import compare
from orthoui.evaluation.predictions import PredictionMemo
from orthoui.ui.frame import explained
from orthoui.ui.heatmaps.rows import Row, rows_html
from orthoui.ui.heatmaps.scene import Scene


def upload_panel(scene: Scene) -> None:
    """Draw the folded section: choose a picture, and see it as the networks do."""
    with st.expander("Try an image of your own", icon=":material/add_photo_alternate:", key="own_image"):
        left, right = st.columns([0.42, 0.58], gap="medium")
        with left:
            file = st.file_uploader(
                "One picture: PNG, JPEG, WebP, GIF or BMP, at most 5 MB",
                type=list(SUFFIXES),
                key="own_file",
                help="It is used in this session only: not stored, not sent elsewhere, not shown to anyone else.",
            )
        if file is None:
            with right:
                st.caption(
                    "A single thing on a plain ground works best. The middle square is used, shrunk to the size the "
                    "network was trained on."
                )
            return
        with explained():
            _show(scene, file.getvalue(), left, right)


def _show(
    scene: Scene, content: bytes, left: st.delta_generator.DeltaGenerator, right: st.delta_generator.DeltaGenerator
) -> None:
    stored = scene.data["test"].images
    grey = stored.shape[1] == 1
    image = read_upload(content, side=int(stored.shape[-1]), grey=grey)
    if grey:
        light = light_ground(image)
        with left:
            # Keyed by what was detected: another picture starts from its own proposal again.
            inverted = st.toggle(
                "Swap light and dark",
                value=light,
                key=f"own_invert_{light}",
                help="The network was trained on light things on black.",
            )
            ground = "light: swapping makes it resemble them" if light else "dark too"
            st.caption(f"The ground of the training images is black; this picture's seems {ground}.")
        image = 255 - image if inverted else image
    with right:
        st.html(rows_html(scene, [_row(scene, image)]))


def _row(scene: Scene, image: torch.Tensor) -> Row:
    alone = ImageSet(image[None], torch.zeros(1, dtype=torch.int64))
    target = scene.view.cam_class
    if target is None:  # nobody told what it is: explain what the untouched network takes it for
        private = replace(scene.predictors["before"], memo=PredictionMemo(1))
        target = int(private.complete(alone)[0].argmax())
    compared = compare(scene.predictors, alone, [target], scene.layer, remember=False)
    return Row(image, compared, 0, f"Your image, explained as {scene.data.classes[target]}", "as the network sees it")

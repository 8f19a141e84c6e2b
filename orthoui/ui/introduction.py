"""What a newcomer needs to know: what to try first, and the words of the field."""

import streamlit as st

STEPS = """
1. A class is forgotten already: the sentence on top says what that did to it and to the others.
2. Move **Ratio**: with fewer channels scaled down, the class is recognised again.
3. Press **Paper**, then **Recommended**: the setting in print, and the best one found for this network.
4. Press **Same sliders, plain network**: the same on a network trained without orthogonal filters.
5. Click a mark in the chart of layers: **Channels** shows what that channel sees.
6. **Heatmaps** shows where the network looks, before and after.
7. **Methods** forgets the same class in every other way, side by side.

The address of the page holds all that is set: copy it to show the same to others.
"""
WORDS = """
* **Channel**: one of the patterns that a layer looks for. Soft pruning scales those down that respond to the class.
* **Ratio** and **strength**: how many channels of every layer are scaled down, and how far.
* **Orthogonal**: trained so that the filters of a layer do not overlap, so that fewer channels serve several classes.
* **Retrained without it**: a network that never saw the class. To behave like it is the goal.
* **Random channels** and **logit mask**: controls. The first scales as many channels, drawn at random. The second
  only forbids the answer: the class is gone by accuracy, and nothing is forgotten.
* **Membership inference**: an attack that tells from the answers whether an image was trained on.
"""


def introduction() -> None:
    """Offer the first steps and the words, folded."""
    with st.popover("New here?", icon=":material/help:", type="tertiary"):
        st.markdown(f"**Try first**\n{STEPS}\n**Words**\n{WORDS}")

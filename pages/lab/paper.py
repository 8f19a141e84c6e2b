"""Paper: what the paper prints, what is measured here, and the difference."""

from orthoui.ui.images import images_watch
from orthoui.ui.paper import paper_panel

paper_panel()
images_watch()

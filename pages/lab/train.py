"""Train: set up a training, start it as a job, and watch it learn."""

from orthoui.ui.train.live import training_watch
from orthoui.ui.train.panel import train_panel

train_panel()
training_watch()

"""Jobs: long work, what runs, what waits, what came of it."""

from orthoui.ui.jobs.panel import jobs_panel

jobs_panel()

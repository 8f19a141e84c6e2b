"""``python -m orthoui``: the command line, where its script is not on the path."""

from orthoui.cli import main

main()

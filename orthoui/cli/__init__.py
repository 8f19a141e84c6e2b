"""The command line ``orthoui``: one file per command, put together in ``app.py``."""

from orthoui.cli.app import app


def main() -> None:
    """Run the command line; this is the ``orthoui`` script."""
    app()

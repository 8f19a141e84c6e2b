"""Where images come from: folders and archives, each read file by file and never trusted."""

from orthoui.data.sources.archive import TarSource
from orthoui.data.sources.cifar import FORMS, CifarSource
from orthoui.data.sources.folder import FolderSource
from orthoui.data.sources.found import Found, Source
from orthoui.data.sources.tinyimagenet import TinyImageNetSource

__all__ = ["FORMS", "CifarSource", "FolderSource", "Found", "Source", "TarSource", "TinyImageNetSource"]

"""What hatchling does when it builds a wheel: the pages' style and scripts are built into it."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))

from tools import frontend


class FrontendHook(BuildHookInterface[Any]):
    """Builds the front end where it is not built; an editable install leaves that to ``make``."""

    def dependencies(self) -> list[str]:
        """Node as a package, where it is needed and the machine has none."""
        root = Path(self.root)
        return [] if frontend.is_built(root) or frontend.has_node() else [frontend.NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is made; *version* is ``standard`` or ``editable``."""
        root = Path(self.root)
        if version != "editable" and not frontend.is_built(root):
            frontend.build(root)

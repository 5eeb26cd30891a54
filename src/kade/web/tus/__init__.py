"""tus 1.0.0 with all its extensions, for any dialect: a file per verb, the header rules in one table.

https://tus.io/protocols/resumable-upload (section names in the modules are those of the protocol).
"""

from kade.web.tus.endpoint import Described, Door, TusEndpoint

__all__ = ["Described", "Door", "TusEndpoint"]

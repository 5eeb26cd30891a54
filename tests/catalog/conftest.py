"""What tests of the catalog's inside share."""

from tests.support.memory_disk import tmp_path

__all__ = ["tmp_path"]

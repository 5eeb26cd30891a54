"""What tests of every dialect share."""

from tests.support.memory_disk import tmp_path

__all__ = ["tmp_path"]

"""The same house as the services have."""

from tests.services.conftest import house, tmp_path

__all__ = ["house", "tmp_path"]

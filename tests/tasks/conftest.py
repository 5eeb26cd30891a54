"""The same house as the services have."""

from tests.services.conftest import house

__all__ = ["house"]

"""What tests with a browser share."""

from tests.support.browser import browser

__all__ = ["browser"]

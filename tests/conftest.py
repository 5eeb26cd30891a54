"""What every test shares: needs of the machine, a real PostgreSQL, and how hard hypothesis tries."""

import hypothesis
from tests.support.sizes import sizes

pytest_plugins = [
    "tests.support.postgres",
    "tests.support.catalogs",
    "tests.support.quay",
    "tests.support.requirements",
    "tests.support.search",
]

# No test depends on a time, so hypothesis sets no deadline either.
hypothesis.settings.register_profile("kade", max_examples=sizes.examples, deadline=None)
hypothesis.settings.load_profile("kade")

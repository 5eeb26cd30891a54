"""What every test shares: needs of the machine, a real PostgreSQL, and how hard hypothesis tries."""

import hypothesis
import structlog
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

# Tracebacks as they are: the default draws each with its source in colours, which takes half a second.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

"""Mail that was not taken."""

import pytest

from kade.core.mail import MailError


@pytest.mark.parametrize("permanent", [True, False])
def test_an_error_says_why_and_for_how_long(permanent: bool) -> None:
    error = MailError("550 no such mailbox", permanent=permanent)
    assert (str(error), error.permanent) == ("550 no such mailbox", permanent)

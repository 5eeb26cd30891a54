"""What others are told: each message is a task, tried again with growing pauses, and kept when all failed."""

FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 6 * 3600.0


def pause(failures: int) -> float:
    """Seconds until the next attempt after so many failed ones, 1 or more: twelve take about two days."""
    return float(min(FIRST_PAUSE_S * 2 ** min(failures - 1, 30), LONGEST_PAUSE_S))

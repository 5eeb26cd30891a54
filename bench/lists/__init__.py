"""What a list costs in a small catalog and in a large one, for an application that sees the same in both."""

"""Durable work: who takes tasks, keeps them alive and tries them again."""

from kade.tasks.runner import Handler, Hopeless, Run, Runner, TryLater

__all__ = ["Handler", "Hopeless", "Run", "Runner", "TryLater"]

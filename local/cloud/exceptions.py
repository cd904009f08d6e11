"""What can go wrong when a template is deployed to the local cloud."""

from __future__ import annotations


class DeploymentFailed(Exception):
    """The stack could not be made as its template says; the text names the resource and why."""


class NotKnown(DeploymentFailed):
    """The template has something that the local cloud would leave out in silence."""


class Throttled(Exception):
    """All of the function's reserved concurrency is in use."""


class InvocationFailed(Exception):
    """A function that was waited for ended with an error."""

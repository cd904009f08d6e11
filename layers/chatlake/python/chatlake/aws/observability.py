"""Logs and metrics of the functions, made once.

Neither ever holds a token, a message or a name, whatever level of logs a function is given: errors
of others are logged by type and place, because nobody knows what their text quotes, and libraries
log nothing below a warning, because botocore logs requests and answers whole.
"""

from __future__ import annotations

import logging
import traceback
from contextlib import contextmanager
from functools import wraps
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from chatlake.aws.lake_formation import refused_by_it
from chatlake.aws_clients.metric_names import Metric
from chatlake.exceptions import ChatlakeError, HandlerFailed, TableDiffers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

type Unit = Literal["Milliseconds", "Percent", "Seconds"]


class _Logger(Logger):
    """A logger that logs no event, which may hold a token, even if the environment asks for it."""

    def inject_lambda_context[F: Callable[..., Any]](self, lambda_handler: F) -> F:  # type: ignore[override]
        """Let a handler's logs tell of its invocation."""
        handler: F = super().inject_lambda_context(lambda_handler, log_event=False)
        return handler


logger = _Logger()
metrics = Metrics()


def hush() -> None:
    """Let others log warnings and errors at most, whatever level Lambda has set for all.

    Powertools' own modules log nothing: they log the text of what a handler raises.
    """
    root = logging.getLogger()
    root.setLevel(max(root.level, logging.WARNING))
    logging.getLogger("aws_lambda_powertools").setLevel(logging.CRITICAL + 1)


hush()


def count(numbers: Mapping[Metric, int]) -> None:
    """Add counts to the metrics of this invocation, and to its log."""
    for metric, number in numbers.items():
        metrics.add_metric(name=metric, unit=MetricUnit.Count, value=number)
    if numbers:
        logger.info("counted", extra={"counts": dict(sorted(numbers.items()))})


def record(metric: Metric, unit: Unit, values: Iterable[float], **dimensions: str) -> None:
    """Send values of a metric, each for itself, so that CloudWatch can give percentiles of them.

    Parameters
    ----------
    dimensions
        Beside the stack's name. Every value of one makes a metric of its own, so there must be few,
        and nothing that came from outside may be one.
    """
    # Dimensions hold for all that is sent together.
    apart = EphemeralMetrics()
    for dimension, said in dimensions.items():
        apart.add_dimension(dimension, said)
    for value in values:
        # Sends what it has whenever that is 100 values, as many as CloudWatch takes at once.
        apart.add_metric(metric, unit, value)
    if apart.metric_set:
        apart.flush_metrics()


def guarded[**P, R](handler: Callable[P, R]) -> Callable[P, R]:
    """Let an error leave a handler only in words that are chatlake's own.

    Lambda's runtime logs the text of what a handler raises, and that may quote anything.
    """

    @wraps(handler)
    def guarded_handler(*args: P.args, **kwargs: P.kwargs) -> R:
        hush()
        try:
            return handler(*args, **kwargs)
        except ChatlakeError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again
            said = describe(error)
            refused = refused_by_it(error)
            if refused is not None:
                logger.error("not granted", extra=said | {"reason": str(refused)})  # noqa: TRY400
                raise refused from None
            logger.error("the invocation failed", extra=said)  # noqa: TRY400
            message = f"{said['error']} at {said['where']}"
            raise HandlerFailed(message) from None

    return guarded_handler


@contextmanager
def counting_tables_that_differ() -> Iterator[None]:
    """Count and log that others have changed a table so that it cannot be written, for an alarm."""
    try:
        yield
    except TableDiffers as error:
        count({Metric.TABLES_DIFFERING: 1})
        logger.error(  # noqa: TRY400 - the reason says all
            "others have changed a table", extra={"reason": str(error)}
        )
        raise


def describe(error: BaseException) -> dict[str, str]:
    """Say what an error is and where it happened, in words that are chatlake's own."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames[-5:]]
    said = {"error": type(error).__name__, "where": " > ".join(where)}
    if isinstance(error, ChatlakeError):
        said["reason"] = str(error)
    return said

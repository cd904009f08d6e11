"""A metric of CloudWatch, as alarms name it and as the dashboard does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chatlake.aws_clients.metric_names import Metric


@dataclass(frozen=True, slots=True)
class CloudWatchMetric:
    """A metric; values of dimensions are written as in Fn::Sub: `${Capture}`, or plain text."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]

    def as_yaml(self) -> dict[str, str]:
        """Return the properties of an alarm that name the metric, each as YAML."""
        named = ", ".join(
            f"{{Name: {name}, Value: {_as_yaml(value)}}}" for name, value in self.dimensions.items()
        )
        return {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": f"[{named}]",
        }

    def as_words(self) -> list[str]:
        """Return what a line of the dashboard begins with: namespace, name and dimensions."""
        dimensions = [word for dimension in self.dimensions.items() for word in dimension]
        return [self.namespace, self.name, *dimensions]


def _as_yaml(value: str) -> str:
    if not value.startswith("${"):
        return value
    reference = value[2:-1]
    return f"!GetAtt {reference}" if "." in reference else f"!Ref {reference}"


def of_chatlake(metric: Metric, **dimensions: str) -> CloudWatchMetric:
    """Return a metric that chatlake itself sends."""
    return CloudWatchMetric("chatlake", metric, {"service": "${AWS::StackName}", **dimensions})


def of_function(name: str, function: str) -> CloudWatchMetric:
    """Return a metric that Lambda keeps of a function of the template."""
    return CloudWatchMetric("AWS/Lambda", name, {"FunctionName": f"${{{function}}}"})


def of_queue(name: str, queue: str) -> CloudWatchMetric:
    """Return a metric that SQS keeps of a queue of the template."""
    return CloudWatchMetric("AWS/SQS", name, {"QueueName": f"${{{queue}.QueueName}}"})


def of_failed_queries(kind: str, workgroup: str) -> CloudWatchMetric:
    """Return a metric that Athena keeps of queries of a workgroup; its samples are the queries.

    `kind` is Athena's word: DDL, DML or UTILITY.
    """
    dimensions = {"QueryState": "FAILED", "QueryType": kind, "WorkGroup": f"${{{workgroup}}}"}
    return CloudWatchMetric("AWS/Athena", "TotalExecutionTime", dimensions)


def of_api(name: str, api: str) -> CloudWatchMetric:
    """Return a metric that API Gateway keeps of an HTTP API of the template."""
    return CloudWatchMetric("AWS/ApiGateway", name, {"ApiId": f"${{{api}}}"})

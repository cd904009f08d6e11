"""List prices of AWS in us-east-1, in dollars."""

from __future__ import annotations

PRICES_OF = "November 2026"
PRICES: dict[str, tuple[float, str]] = {
    "lambda_arm64": (0.0000133334, "Lambda, a GB-second on arm64"),
    "lambda_x86_64": (0.0000166667, "Lambda, a GB-second on x86_64"),
    "lambda_request": (0.20e-6, "Lambda, a request"),
    "api": (1.00e-6, "API Gateway HTTP API, a request"),
    "event": (1.00e-6, "EventBridge, an event of S3 (Connect's own events are free)"),
    "write": (0.625e-6, "DynamoDB on demand, a write unit (1 kB)"),
    "read": (0.125e-6, "DynamoDB on demand, a read unit (4 kB, consistent; half if eventual)"),
    "table_gb": (0.25 + 0.20, "DynamoDB, a GB-month with point-in-time recovery"),
    "put": (5.0e-6, "S3 Standard, a PUT or LIST"),
    "get": (0.4e-6, "S3 Standard, a GET or HEAD"),
    "s3_gb": (0.023, "S3 Standard, a GB-month"),
    "key": (1.00, "KMS, a key for a month"),
    "kms": (3.0e-6, "KMS, a request"),
    "sqs": (0.40e-6, "SQS, a request"),
    "catalog": (1.00e-6, "Glue catalog, a request"),
    "dpu_hour": (0.44, "Glue optimizers, a DPU-hour"),
    "athena_tb": (5.00, "Athena, a TB scanned (10 MB a query at least)"),
    "logs_gb": (0.50, "CloudWatch Logs, a GB taken in"),
    "logs_gb_kept": (0.03, "CloudWatch Logs, a GB-month kept"),
    "metric": (0.30, "CloudWatch, a metric for a month"),
    "alarm": (0.10, "CloudWatch, a metric of an alarm, for a month"),
    "dashboard": (3.00, "CloudWatch, a dashboard for a month"),
}


def price(name: str) -> float:
    """Return a price in dollars."""
    return PRICES[name][0]

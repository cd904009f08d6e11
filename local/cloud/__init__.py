"""A cloud on one machine: deploys the SAM template as built, and runs what it says.

>>> with LocalCloud(folder, clock) as cloud:
...     stack = cloud.deploy(Path(".aws-sam/build/template.yaml"), {"ConnectInstanceArn": …})
...     cloud.put_event({"source": "aws.connect", …})
...     cloud.wait_idle(30)
"""

from local.cloud.exceptions import DeploymentFailed, InvocationFailed, NotKnown, Throttled
from local.cloud.functions import Invocation
from local.cloud.local_cloud import LocalCloud, Stack

__all__ = [
    "DeploymentFailed",
    "Invocation",
    "InvocationFailed",
    "LocalCloud",
    "NotKnown",
    "Stack",
    "Throttled",
]

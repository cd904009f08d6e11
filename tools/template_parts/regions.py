"""The Regions of Amazon Connect, and those in which Glue has automatic table optimizers.

Source: the resource types of CloudFormation's registry by Region, as cfn-lint carries them
(`cfnlint/data/schemas/providers`; tests/infrastructure/test_regions.py holds both lists against
it), without isolated partitions, of which it knows nothing. A new cfn-lint may know of more.
"""

from __future__ import annotations

CONNECT = (
    "af-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-2",
    "us-east-1",
    "us-gov-west-1",
    "us-west-2",
)
OPTIMIZERS = (
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-2",
)
_MOST = 10
"""Of what Fn::Or takes."""


def rendered() -> str:
    """Return the condition as the template has it.

    A Region that it does not name is taken for one without optimizers: Athena's statements are
    everywhere, and an optimizer where there are none fails the deployment.
    """
    groups = [OPTIMIZERS[start : start + _MOST] for start in range(0, len(OPTIMIZERS), _MOST)]
    lines = ["  RegionHasOptimizers: !Or"]
    for group in groups:
        lines.append("    - !Or")
        lines += [f"      - !Equals [!Ref AWS::Region, {region}]" for region in group]
    return "\n".join(lines) + "\n"

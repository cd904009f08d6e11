"""A statement of a policy, and the places of this stack that statements name."""

from __future__ import annotations

from dataclasses import dataclass

from tools.template_parts.yaml_text import Value, attribute, either, ref, sub

KEY = either("MakesKey", attribute("Key.Arn"), ref("ExistingKeyArn"))
DATABASE = either("MakesData", ref("Database"), ref("ExistingDatabase"))
DOCUMENTS = either("MakesData", ref("DocumentBucket"), ref("ExistingDocumentBucket"))
LAKE = either("MakesData", ref("LakeBucket"), ref("ExistingLakeBucket"))
CHATS = either("MakesData", ref("Chats"), ref("ExistingChatsTable"))
WORKGROUP = either("MakesWorkgroup", ref("Workgroup"), ref("ExistingWorkgroup"))
SCHEDULE = either("MakesSchedule", ref("Schedule"), ref("ExistingScheduleTable"))


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a policy that allows something.

    Attributes
    ----------
    name
        Its Sid.
    on
        What it is allowed on, in the words of the page on security.
    when
        Condition of the template without which there is no such statement.
    why
        A comment above it.
    """

    name: str
    on: str
    actions: tuple[str, ...]
    resources: tuple[Value, ...]
    condition: Value | None = None
    when: str | None = None
    why: str = ""

    def value(self) -> Value:
        """Return it as a policy has it."""
        said: dict[str, Value] = {
            "Sid": self.name,
            "Effect": "Allow",
            "Action": one_or_all(self.actions),
            "Resource": one_or_all(self.resources),
        }
        if self.condition is not None:
            said["Condition"] = self.condition
        return either(self.when, said) if self.when else said


def one_or_all[T](values: tuple[T, ...]) -> T | list[T]:
    """Return the only value, or a list of all."""
    return values[0] if len(values) == 1 else list(values)


def words(service: str, text: str) -> tuple[str, ...]:
    """Return actions of a service, to be read without quotes."""
    return tuple(f"{service}:{action}" for action in text.split())


def arn(service: str, resource: str, **variables: Value) -> Value:
    """Return the ARN of something in this account and Region."""
    here = "${AWS::Region}:${AWS::AccountId}"
    return sub(f"arn:${{AWS::Partition}}:{service}:{here}:{resource}", **variables)


def bucket(name: Value, objects: str = "") -> Value:
    """Return the ARN of a bucket, or of objects in it."""
    return sub(f"arn:${{AWS::Partition}}:s3:::${{Bucket}}{objects}", Bucket=name)


def service(name: str) -> Value:
    """Return what KMS calls a service that uses a key for somebody."""
    return sub(f"{name}.${{AWS::Region}}.${{AWS::URLSuffix}}")

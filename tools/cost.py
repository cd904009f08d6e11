"""Print docs/cost.md: what a month costs, from the template's defaults and a model of a chat."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from tools.cost_model import costs
from tools.live_chats import pace, section
from tools.prices import PRICES, PRICES_OF
from tools.stack_defaults import Stack, read_stack
from tools.workload import ABOUT, DAYS, Chat

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (1_000, 100_000)

_HEAD = """\
# What it costs

Computed by `.venv/bin/python -m tools.cost` from the defaults of `template.yaml`, list prices and
a model of a chat. Change the model with its arguments (`--help`), the stack with its parameters.
Prices are for us-east-1 as noted in {prices_of}, without free tiers: **check them before you rely
on them**. Connect itself, and reading by others, are not in it. An estimate, not a measurement.
"""


def page(sizes: tuple[int, ...], chat: Chat, stack: Stack) -> str:
    out = [_HEAD.format(prices_of=PRICES_OF)]
    columns = {size: costs(size, chat, stack) for size in sizes}
    out.append("## A month in dollars\n")
    out.append("| | " + " | ".join(f"{size:,} chats a day" for size in sizes) + " |")
    out.append("|---|" + "---:|" * len(sizes))
    for of_service in zip(*columns.values(), strict=True):
        told = " | ".join(f"{line.dollars:,.2f}" for line in of_service)
        out.append(f"| {of_service[0].service} | {told} |")
    totals = {size: sum(line.dollars for line in lines) for size, lines in columns.items()}
    out.append("| **in all** | " + " | ".join(f"**{t:,.2f}**" for t in totals.values()) + " |")
    a_thousand = " | ".join(f"{totals[s] / (s * DAYS) * 1000:,.2f}" for s in sizes)
    out.append(f"| for 1,000 chats | {a_thousand} |\n")
    for size, lines in columns.items():
        out.append(f"### {size:,} chats a day\n")
        largest = sorted(lines, key=lambda line: -line.dollars)
        out += [f"- {line.service}: {line.why}" for line in largest]
        out.append("")
        out.append(pace(size, chat, stack))
    out += section(sizes, chat, stack)
    out += [
        "## What dominates, and what to turn down\n",
        *_advice(sizes, chat, stack, totals),
        "",
        "## The model\n",
        "| argument | value | what it is |",
        "|---|---:|---|",
        *(f"| `--{_option(n)}` | {getattr(chat, n):g} | {about} |" for n, about in ABOUT.items()),
        "",
        f"From the template: {stack.architecture}, live chats by {stack.live_source}, "
        f"{stack.connection_rate:g} calls of CreateParticipantConnection and "
        f"{stack.capture_rate:g} of GetTranscript a second, batches gathered for "
        f"{stack.window_s:g} s, memory "
        + ", ".join(f"{name} {gb * 1024:,.0f} MB" for name, gb in stack.memory_gb.items())
        + ". Requests to DynamoDB and S3 are counted by a test, "
        "`tests/integration/capture/test_requests.py`; `tools/cost_model.py` says what each is.\n",
        f"## Prices, us-east-1, {PRICES_OF}\n",
        "| dollars | for |",
        "|---:|---|",
        *(f"| {_dollars(dollars)} | {what} |" for dollars, what in PRICES.values()),
    ]
    return "\n".join(out) + "\n"


def _advice(
    sizes: tuple[int, ...], chat: Chat, stack: Stack, totals: dict[int, float]
) -> Iterator[str]:
    small, large = min(sizes), max(sizes)
    lines = {line.service: line.dollars for line in costs(large, chat, stack)}
    first, second, third = sorted(lines, key=lambda name: -lines[name])[:3]
    yield (
        f"- At {large:,} chats a day {first} ({lines[first] / totals[large]:.0%}), {second} "
        f"({lines[second] / totals[large]:.0%}) and {third} ({lines[third] / totals[large]:.0%}) "
        f"lead. At {small:,} it is what runs and stands by whether chats come or not."
    )
    for title, changed in (
        ("`Architecture` x86_64", {"architecture": "x86_64"}),
        ("`LiveSource` polling", {"live_source": "polling"}),
        ("`PublishWindowSeconds` 60", {"window_s": 60.0}),
        ("`HistoryDays` 1", {"history_days": 1}),
    ):
        other: Stack = replace(stack, **changed)
        told = ", ".join(
            f"{sum(line.dollars for line in costs(size, chat, other)) - totals[size]:+,.2f} "
            f"at {size:,}"
            for size in sizes
        )
        yield f"- {title}: {told} dollars a month."
    yield "- How often chats are read, and what websockets bring, costs nothing: it is in memory."
    yield (
        "- The optimizers of tables that few ask can be switched off in Glue; queries then open "
        "more and smaller files."
    )


def _option(name: str) -> str:
    return name.replace("_", "-")


def _dollars(amount: float) -> str:
    return f"{amount:g}" if amount >= 0.01 else f"{amount * 1e6:.4g} a million"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chats", type=int, nargs="+", default=list(SIZES), help="chats a day")
    for field in fields(Chat):
        kind = int if field.type == "int" else float
        parser.add_argument(
            f"--{_option(field.name)}", type=kind, default=field.default, help=ABOUT[field.name]
        )
    arguments = vars(parser.parse_args())
    sizes = tuple(arguments.pop("chats"))
    print(page(sizes, Chat(**arguments), read_stack()), end="")


if __name__ == "__main__":
    main()

"""The parts of template.yaml that repeat themselves, each generated from a small table.

`make template` writes them between their markers in the template; `make check` fails when one is
not current. To change an optimizer or an alarm, change its table in `optimizers` or
`alarms`, and run `make template`.
"""

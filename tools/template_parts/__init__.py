"""The parts of template.yaml that repeat themselves, each generated from a small table.

`make template` writes them between their markers in the template; `make check` fails when one is
not current. To change a role, an optimizer, an alarm or the dashboard, change its table in `roles`,
`optimizers`, `alarms` or `dashboard`, and run `make template`.
"""

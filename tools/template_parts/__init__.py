"""The parts of template.yaml that repeat themselves, each generated from a small table.

`make template` writes them between their markers in the template; `make check` fails when one is
not current. To change an optimizer, change its table in `optimizers`, and run `make template`.
"""

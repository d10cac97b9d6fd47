"""`make bench`: run every benchmark beside this file that offers `run() -> list[str]`, and print its lines.

Names given as arguments choose some of them. A benchmark that fails is named, and the others go on.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import time
import traceback

import tests.bench


def benchmark_names() -> list[str]:
    """The modules of this package that are benchmarks, in alphabetical order."""
    return sorted(m.name for m in pkgutil.iter_modules(tests.bench.__path__) if m.name != "__main__" and not m.ispkg)


def main(wanted: list[str]) -> int:
    """Run the wanted benchmarks (all without names); 1 where one of them failed, 2 for an unknown name."""
    known = benchmark_names()
    if unknown := set(wanted) - set(known):
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
        return 2
    failed = 0
    for name in wanted or known:
        module = importlib.import_module(f"tests.bench.{name}")
        print(f"{name}: {(module.__doc__ or '').splitlines()[0]}")
        begun = time.perf_counter()
        try:
            for line in module.run():
                print(f"  {line}")
        except Exception:
            failed += 1
            traceback.print_exc()
        print(f"  ({time.perf_counter() - begun:.1f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

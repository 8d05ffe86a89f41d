"""Run kdebug as `python -m kdebug`."""

from __future__ import annotations

from kdebug.cli.main import main

if __name__ == "__main__":
    main()

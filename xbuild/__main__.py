"""``python -m xbuild``."""

from xbuild.cli import main

if __name__ == "__main__":
    main()

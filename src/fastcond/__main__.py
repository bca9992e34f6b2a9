"""`python -m fastcond`."""

from fastcond.cli import main

if __name__ == "__main__":
    main()

"""`python -m pocketrec` is `pocketrec`."""

from .cli.main import main

if __name__ == "__main__":
    main()

"""`python -m holdfast` is the `holdfast` command; nothing else lives here."""

from holdfast.cli import main

if __name__ == "__main__":
    main()

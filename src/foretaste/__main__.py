"""`python -m foretaste`."""

from foretaste.cli import main

if __name__ == "__main__":
    main()

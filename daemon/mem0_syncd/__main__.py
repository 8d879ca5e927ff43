"""`python -m mem0_syncd`."""

from mem0_syncd.cli import main

if __name__ == "__main__":
    main()

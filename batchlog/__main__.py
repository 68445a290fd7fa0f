"""`python -m batchlog` is the command `batchlog`."""

from batchlog.cli import main

if __name__ == "__main__":
    main()

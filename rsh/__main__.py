"""`python -m rsh` is the command `rsh`."""

from rsh.cli.main import main

if __name__ == "__main__":
    main()

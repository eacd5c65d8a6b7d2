"""`python -m uunet.cli` is the command `uunet`."""

from uunet.cli import main

main()

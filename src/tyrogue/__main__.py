"""`python -m tyrogue` is the command `tyrogue`."""

from tyrogue.cli import main

main()

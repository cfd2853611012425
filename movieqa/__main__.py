"""`python -m movieqa` is the command `movieqa`."""

from movieqa.cli import main

main()

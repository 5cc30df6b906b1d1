"""Real programs: fetched from Debian's source packages, built by their own makefiles, put to work while they move."""

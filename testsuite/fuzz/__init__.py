"""Random programs: each through the host's compiler and through popcc in every mode; all must print the same."""

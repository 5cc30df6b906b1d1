"""The coherence protocol under simulation, and its small model searched whole: `python -m dsm --help`.

sim.h         the simulated machine
nodes.c       its nodes: what their engines ask for is done to simulated memory
net.c         its links, which are cut and heal
program.c     its threads
memory.c      their accesses; the oracle
schedule.c    a seed becomes an order of events
model.c       a state of the small model, and what can happen next
search.c      all of its states
bench.c       single functions of the engine, for unit tests
library.py    the C of all that, compiled with the engine and driven through cffi
mutants.py    the engine with one mistake
"""

"""Long work outside the web process, carried out by Dask workers on this machine or on a cluster.

How the parts fit: the ledger is the truth, everything here follows it. ``work`` registers what can be done, by name.
``engine`` is for pages: it writes a run to the ledger, and its ``dispatch`` thread hands waiting runs to free workers
(``pool``, ``cluster``), looks after lost ones, and takes over those of a server that is gone. A worker carries a run
out with ``execute``, the command line with ``run_here``; the work itself gets a ``context`` for progress, log, cancel
and pause, and a ``watch`` thread keeps its claim alive. Nothing here loads Dask before the first job.
"""

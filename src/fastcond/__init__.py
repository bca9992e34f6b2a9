"""A drop-in replacement for Netflix Conductor and Conductor OSS.

The engine and the embedded store are compiled (`fastcond._core`); this package is the thin server around
them: it moves bytes between sockets and the core, serves the routes that are not hot, runs the system tasks
that do I/O, and starts and stops the process. Importing it loads nothing else, so that `fastcond --help`
stays quick.
"""

"""Conductor OSS on each of its stores, driven by the client that drives fastcond."""

"""The targets of the throughput work: each measured against a fresh server and held against floor and aim."""

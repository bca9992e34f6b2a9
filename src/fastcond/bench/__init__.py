"""Reports of the load generator: read, compared, and turned into a plan. The generator itself is compiled."""

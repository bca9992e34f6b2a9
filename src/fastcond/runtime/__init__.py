"""The machinery between the edges and the core: calls, drain loop, worker pool, health, metrics, stop."""

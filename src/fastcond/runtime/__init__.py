"""The machinery between the edges and the core: calls, the loop's turns, workers, health, metrics, stop."""

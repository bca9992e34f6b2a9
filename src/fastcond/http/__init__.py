"""The HTTP edge: connections on the loop, hot bytes straight to the core, the rest to a route table."""

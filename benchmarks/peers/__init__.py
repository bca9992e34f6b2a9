"""Other servers under the same load: how each is had and started, and the runs against them."""

"""Raw Redis with three Lua scripts: the least that a queue on Redis can cost."""

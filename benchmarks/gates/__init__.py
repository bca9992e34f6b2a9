"""What an execution costs, counted and not timed; a change that costs more does not land."""

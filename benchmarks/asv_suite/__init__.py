"""What asv keeps a history of: few figures, each with a name that will still be right in a year.

Imports nothing of this checkout but the installed fastcond, so that an old commit can be measured too.
"""

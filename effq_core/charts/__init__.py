"""Charts as pure functions: data in, ``plotly`` figure out. Imports no dashboard."""

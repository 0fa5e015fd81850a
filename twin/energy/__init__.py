"""Energy: hourly demand of buildings and the heat supply that meets it."""

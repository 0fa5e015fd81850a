"""Traffic: demand from buildings, mode choice, equilibrium on the street network, and its emissions."""

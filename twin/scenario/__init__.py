"""Study files, measures, and the simulation of a baseline and its scenarios."""

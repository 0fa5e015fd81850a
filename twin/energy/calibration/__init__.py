"""Calibration of archetype parameters to meter readings, and what follows for buildings without a meter."""

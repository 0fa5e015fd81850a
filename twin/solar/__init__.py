"""Solar: roof planes, shaded irradiation, suitability and PV yield of every building."""

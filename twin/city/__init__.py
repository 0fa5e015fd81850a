"""The city model: layers with declared schemas, readers, imputation, weather and the synthetic city."""

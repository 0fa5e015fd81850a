"""What people look at: the table, the report and the exported layers."""

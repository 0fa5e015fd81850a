"""From results to decisions: KPIs, paired comparison, and who wins and loses."""

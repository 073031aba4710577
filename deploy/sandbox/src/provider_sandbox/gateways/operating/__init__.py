"""What tests and operators ask: faults, the clock, records, and what buyers do."""

"""What comes next in a run: pure decisions over the plan and the records. See `following`."""

"""What a gate tells people and machines: metrics, traces, logs, alerts."""

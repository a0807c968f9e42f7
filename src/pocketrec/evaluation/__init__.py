"""Full-ranking evaluation: metrics with intervals, baselines and the report."""

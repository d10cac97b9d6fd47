"""Show: metrics, pages and charts of what is known now."""

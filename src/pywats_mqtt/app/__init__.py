"""The composition root: the only place that names the concrete shells and puts them together."""

"""The contracts of the seams as plain functions, shipped for whoever writes a strategy, a model or a corpus."""

"""Recall, speed, memory and disk of the kinds of vector index, and the plan of scale that follows."""

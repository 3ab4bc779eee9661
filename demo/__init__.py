"""The demo: a gallery of pictograms and a small pair of models trained to search it."""

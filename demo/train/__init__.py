"""How the demo model is made: art styles and names fetched, targets fixed, two towers trained."""

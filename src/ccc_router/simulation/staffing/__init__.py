"""How many agents an interval needs: forecast, target, schedule with shrinkage."""

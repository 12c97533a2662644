"""Who asks, in JSON: parses, knows the actor, submits to the desk, and puts refusals into words."""

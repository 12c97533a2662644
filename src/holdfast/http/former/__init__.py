"""The addresses of the systems that Holdfast replaces, in their documented shapes, on the same desk."""

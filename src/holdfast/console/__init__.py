"""Who looks: pages for people, and the modules of which they are made."""

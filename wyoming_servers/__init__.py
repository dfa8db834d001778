"""The wire, what every server shares, and one thin server per job."""

"""What people do with dead letters."""

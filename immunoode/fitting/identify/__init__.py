"""What a design can tell, before there are data."""

"""What can answer a request."""

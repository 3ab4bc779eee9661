"""What is done once before the parts can work together: certificates and API keys."""

"""Messages to people, by SMTP."""

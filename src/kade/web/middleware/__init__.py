"""What happens around every request, whatever dialect answers it."""

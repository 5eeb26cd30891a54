"""Digikoppeling Grote Berichten 3.8, push: files by PUT, and the messages that name them."""
